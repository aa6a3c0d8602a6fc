//! The sample API behind `tollgate demo`: a few JSON routes, one slow, one streaming.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use bytes::Bytes;
use futures_util::stream;
use serde_json::{Value, json};

/// How long the slow route takes.
const SLOW: Duration = Duration::from_secs(1);
/// Lines of the streaming route, and the pause between them.
const STREAM: (u32, Duration) = (5, Duration::from_millis(200));

/// Serves the sample until the future is dropped.
pub(super) async fn serve(listener: tokio::net::TcpListener) {
    let router = Router::new()
        .route("/orders", get(orders).post(create))
        .route("/orders/{number}", get(order))
        .route("/whoami", get(whoami))
        .route("/slow", get(slow))
        .route("/stream", get(lines));
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(%error, "the sample upstream ended");
    }
}

async fn orders() -> Json<Value> {
    Json(json!({"orders": [{"number": 1, "item": "lamp"}, {"number": 2, "item": "chair"}]}))
}

async fn order(Path(number): Path<String>) -> Response {
    match number.as_str() {
        "1" => Json(json!({"number": 1, "item": "lamp"})).into_response(),
        "2" => Json(json!({"number": 2, "item": "chair"})).into_response(),
        _ => (StatusCode::NOT_FOUND, Json(json!({"error": "no such order"}))).into_response(),
    }
}

async fn create(body: Bytes) -> Response {
    match serde_json::from_slice::<Value>(&body) {
        Ok(order) => (StatusCode::CREATED, Json(json!({"number": 3, "order": order}))).into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, Json(json!({"error": error.to_string()}))).into_response(),
    }
}

/// What the sidecar told about the caller.
async fn whoami(headers: HeaderMap) -> Json<Value> {
    let told: serde_json::Map<String, Value> = headers
        .iter()
        .filter(|(name, _)| name.as_str().starts_with("x-") || *name == "forwarded" || *name == "traceparent")
        .map(|(name, value)| (name.to_string(), Value::String(String::from_utf8_lossy(value.as_bytes()).into_owned())))
        .collect();
    Json(Value::Object(told))
}

async fn slow() -> Json<Value> {
    tokio::time::sleep(SLOW).await;
    Json(json!({"took_seconds": SLOW.as_secs()}))
}

async fn lines() -> Body {
    Body::from_stream(stream::unfold(0, |line| async move {
        if line == STREAM.0 {
            return None;
        }
        tokio::time::sleep(STREAM.1).await;
        Some((Ok::<_, Infallible>(format!("line {}\n", line + 1)), line + 1))
    }))
}
