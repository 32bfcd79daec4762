//! An upstream: an application that answers with what it saw.

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Serves until dropped.
///
/// # Errors
/// The server ended.
pub async fn serve(listener: TcpListener) -> Result<(), String> {
    let routes = Router::new().fallback(echo);
    axum::serve(listener, routes).await.map_err(|error| format!("the server ended: {error}"))
}

async fn echo(request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Ok(collected) = body.collect().await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let trailers = collected.trailers().map(pairs).unwrap_or_default();
    Json(json!({
        "method": head.method.as_str(),
        "path": head.uri.path_and_query().map(|path| path.as_str()),
        "headers": pairs(&head.headers),
        "trailers": trailers,
        "body_length": collected.to_bytes().len(),
    }))
    .into_response()
}

/// In order, and every one: an object would hide that a header is there twice.
fn pairs(headers: &HeaderMap) -> Vec<Value> {
    headers
        .iter()
        .map(|(name, value)| json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())]))
        .collect()
}
