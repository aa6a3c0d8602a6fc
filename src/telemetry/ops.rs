//! The operations listener: `/metrics`, `/live`, `/ready`. Plain HTTP/1.1, one request per connection.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::registry::Registry;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Readiness;

/// Connections served at the same time; further ones wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 64;
/// Longest wait for a request head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest life of a connection, slow readers included.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of a request head.
const HEAD_BYTES: usize = 16 * 1024;

const OPENMETRICS: HeaderValue = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Serves until `shutdown` resolves; answers under way then have [`CONNECTION_TIMEOUT`] to end.
pub(crate) async fn serve(
    listener: TcpListener,
    registry: Arc<Mutex<Registry>>,
    readiness: Readiness,
    shutdown: impl Future<Output = ()>,
) {
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let next = async {
            // The semaphore is never closed.
            let permit = Arc::clone(&permits).acquire_owned().await;
            (permit, listener.accept().await)
        };
        tokio::select! {
            () = &mut shutdown => break,
            (permit, accepted) = next => match accepted {
                Ok((stream, _)) => {
                    let (registry, readiness) = (Arc::clone(&registry), readiness.clone());
                    connections.spawn(async move {
                        let _permit = permit;
                        connection(stream, registry, readiness, CONNECTION_TIMEOUT).await;
                    });
                    while connections.try_join_next().is_some() {}
                }
                Err(error) => {
                    tracing::warn!(%error, "the operations listener cannot accept");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn connection(stream: TcpStream, registry: Arc<Mutex<Registry>>, readiness: Readiness, longest: Duration) {
    let answer = service_fn(move |request: Request<Incoming>| {
        let response = respond(request.method(), request.uri().path(), &registry, &readiness);
        std::future::ready(Ok::<_, Infallible>(response))
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), answer);
    match timeout(longest, served).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a call of the operations listener broke off"),
        Err(_) => tracing::debug!("a call of the operations listener took too long"),
    }
}

fn respond(method: &Method, path: &str, registry: &Mutex<Registry>, readiness: &Readiness) -> Response<Full<Bytes>> {
    let known = matches!(path, "/metrics" | "/live" | "/ready");
    if known && method != Method::GET && method != Method::HEAD {
        let mut refused = answer(StatusCode::METHOD_NOT_ALLOWED, PLAIN, "only GET and HEAD\n");
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    match path {
        "/metrics" => {
            let mut text = String::new();
            let registry = registry.lock().unwrap_or_else(PoisonError::into_inner);
            match prometheus_client::encoding::text::encode(&mut text, &registry) {
                Ok(()) => answer(StatusCode::OK, OPENMETRICS, text),
                Err(_) => answer(StatusCode::INTERNAL_SERVER_ERROR, PLAIN, "the metrics cannot be written\n"),
            }
        }
        "/live" => answer(StatusCode::OK, PLAIN, "live\n"),
        "/ready" => {
            let reasons = readiness.check();
            let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            let body = serde_json::json!({ "ready": reasons.is_empty(), "reasons": reasons });
            answer(status, JSON, format!("{body}\n"))
        }
        _ => answer(StatusCode::NOT_FOUND, PLAIN, "here are /metrics, /live and /ready\n"),
    }
}

fn answer(status: StatusCode, content_type: HeaderValue, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;
    use prometheus_client::metrics::counter::Counter;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    struct Running {
        address: std::net::SocketAddr,
        readiness: Readiness,
        stop: tokio::sync::oneshot::Sender<()>,
        server: tokio::task::JoinHandle<()>,
    }

    async fn start() -> Running {
        let mut registry = Registry::default();
        let calls: Counter = Counter::default();
        calls.inc_by(7);
        registry.register("tollgate_calls", "Calls", calls);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let readiness = Readiness::new(["store"]);
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let (registry, shown) = (Arc::new(Mutex::new(registry)), readiness.clone());
        let server = tokio::spawn(serve(listener, registry, shown, async move { drop(stopped.await) }));
        Running { address, readiness, stop, server }
    }

    async fn ask(running: &Running, line: &str) -> String {
        let mut stream = TcpStream::connect(running.address).await.expect("connected");
        stream.write_all(format!("{line} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer that ends");
        answer
    }

    #[tokio::test]
    async fn metrics_liveness_and_readiness_are_told() {
        let running = start().await;
        let metrics = ask(&running, "GET /metrics").await;
        assert!(metrics.starts_with("HTTP/1.1 200 OK\r\n"), "{metrics}");
        assert!(metrics.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"));
        assert!(metrics.contains("tollgate_calls_total 7\n") && metrics.ends_with("# EOF\n"));
        assert!(ask(&running, "GET /live").await.starts_with("HTTP/1.1 200 OK\r\n"));
        let ready = ask(&running, "GET /ready?verbose").await;
        assert!(ready.starts_with("HTTP/1.1 503 "), "{ready}");
        let reasons = "{\"ready\":false,\"reasons\":[{\"condition\":\"store\",\"reason\":\"not started yet\"}]}\n";
        assert!(ready.ends_with(reasons), "{ready}");
        running.readiness.holds("store");
        let ready = ask(&running, "GET /ready").await;
        assert!(ready.starts_with("HTTP/1.1 200 ") && ready.ends_with("{\"ready\":true,\"reasons\":[]}\n"), "{ready}");
        let head = ask(&running, "HEAD /ready").await;
        assert!(head.starts_with("HTTP/1.1 200 ") && head.ends_with("\r\n\r\n"), "{head}");
        assert!(ask(&running, "GET /").await.starts_with("HTTP/1.1 404 "));
        let refused = ask(&running, "POST /live").await;
        assert!(refused.starts_with("HTTP/1.1 405 ") && refused.contains("allow: GET, HEAD\r\n"), "{refused}");
        running.stop.send(()).expect("it runs");
        running.server.await.expect("no panic");
        assert!(TcpStream::connect(running.address).await.is_err(), "closed after shutdown");
    }

    #[tokio::test]
    async fn the_sixty_fifth_connection_waits_for_one_to_end() {
        let running = start().await;
        let mut silent = Vec::new();
        for _ in 0..MAX_CONNECTIONS {
            silent.push(TcpStream::connect(running.address).await.expect("connected"));
        }
        let mut waiting = std::pin::pin!(ask(&running, "GET /live"));
        assert!(timeout(Duration::from_millis(300), &mut waiting).await.is_err(), "served beyond the bound");
        drop(silent.pop());
        let answer = timeout(Duration::from_secs(4), waiting).await.expect("served once one has ended");
        assert!(answer.starts_with("HTTP/1.1 200 "));
    }

    /// Neither a caller that says nothing nor one that stops inside its head holds a connection.
    #[tokio::test]
    async fn silent_callers_are_hung_up_on() {
        let running = start().await;
        for said in ["", "GET /live HTTP/1.1\r\nHos"] {
            let mut stream = TcpStream::connect(running.address).await.expect("connected");
            stream.write_all(said.as_bytes()).await.expect("sent");
            let mut rest = Vec::new();
            let ended = timeout(HEAD_TIMEOUT * 2, stream.read_to_end(&mut rest)).await;
            assert!(ended.is_ok(), "{said:?} is still held");
        }
    }
}
