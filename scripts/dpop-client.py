"""Reads {"url", "token", "key": private JWK} and sends three requests with requests-oauth2client, a DPoP client of another
project: a GET, a POST, and a GET that repeats the headers of the first. Prints the three statuses.
"""

import json
import sys

import requests
from requests_oauth2client import DPoPKey, DPoPToken

job = json.load(sys.stdin)
key = DPoPKey(private_key={k: v for k, v in job["key"].items() if k not in ("use", "kid")}, alg=job["key"]["alg"])
auth = DPoPToken(access_token=job["token"], _dpop_key=key)
session = requests.Session()
session.trust_env = False
first = session.get(job["url"], auth=auth)
second = session.post(job["url"], data=b"{}", auth=auth)
again = session.get(job["url"], headers=dict(first.request.headers))
print(first.status_code, second.status_code, again.status_code)
for response in (first, second):
    if response.status_code != 200:
        print(response.text, response.request.headers.get("dpop"))
