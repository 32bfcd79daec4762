"""Reads Kubernetes objects of Istio and of the Prometheus operator, one JSON text per line, and prints every violation of
the published schemas."""

import importlib
import json
import sys

from pydantic import ValidationError

KINDS = {
    "extensions.istio.io/v1alpha1": "istio.extensions.v1alpha1",
    "monitoring.coreos.com/v1": "prometheus_operator.v1",
    "networking.istio.io/v1": "istio.networking.v1",
    "networking.istio.io/v1alpha3": "istio.networking.v1alpha3",
    "security.istio.io/v1": "istio.security.v1",
}


def unknown(given, understood, path):
    """The keys that the models ignored: the API server would prune or reject them."""
    if isinstance(given, dict) and isinstance(understood, dict):
        for key, value in given.items():
            if key not in understood:
                yield f"{path}.{key}: is not in the schema"
            else:
                yield from unknown(value, understood[key], f"{path}.{key}")
    elif isinstance(given, list) and isinstance(understood, list):
        for index, (one, other) in enumerate(zip(given, understood)):
            yield from unknown(one, other, f"{path}[{index}]")


def complaints(resource):
    module = KINDS.get(resource.get("apiVersion"))
    if module is None:
        return [f"unknown apiVersion {resource.get('apiVersion')}; expected one of {', '.join(KINDS)}"]
    model = getattr(importlib.import_module(f"cloudcoil.models.{module}"), resource["kind"], None)
    if model is None:
        return [f"unknown kind {resource['kind']} in {resource['apiVersion']}"]
    try:
        understood = model.model_validate(resource)
    except ValidationError as error:
        return [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
    return list(unknown(resource, understood.model_dump(by_alias=True, exclude_unset=True), "$"))


found = 0
for line in filter(str.strip, sys.stdin):
    resource = json.loads(line)
    for complaint in complaints(resource):
        found += 1
        print(f"{resource.get('kind')} {resource.get('metadata', {}).get('name')}: {complaint}")
sys.exit(1 if found else 0)
