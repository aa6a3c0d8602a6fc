//! Sends an admitted request to its upstream and passes the answer back.

use http::request::Parts;
use http::{Method, Response};
use http_body::Body;
use hyper::body::Incoming;

use super::config::HostHeader;
use super::core::{Caller, Core, ProxyBody};
use super::headers::{self, Framing, HeadParts};
use super::reject::Rejection;
use super::route::Route;
use super::upstream::{Exchange, ExchangeError, Pool, ResponseHead, Reuse, UpstreamBody};
use super::{Target, Told, nanos};
use crate::auth::Permit;
use crate::limit::{Admission, TokenLimits};
use crate::server::{ClientBody, InFlight};

impl Core {
    /// Forwards. The permit and the admission are the proof that it may.
    #[allow(clippy::too_many_arguments)] // the evidence of every earlier step
    pub(super) async fn forward(
        &self,
        route: &Route,
        head: &Parts,
        body: Incoming,
        caller: Caller<'_>,
        (permit, _admission): (Permit<TokenLimits>, Admission),
        fresh_id: &str,
        in_flight: InFlight,
        told: &mut Told<'_>,
    ) -> Result<Response<ProxyBody>, Rejection> {
        let Target::Upstream(upstream) = route.target else { return Err(Rejection::Internal) };
        let pool = &self.pools[upstream];
        let framing = framing(head, &body);
        let stall = nanos(self.services().config.limits.body_timeout);
        let mut body = (framing != Framing::None).then(|| ClientBody::new(body, self.timer.clone(), stall));
        let from = self.services().clock.mono();
        let mut reuse = Reuse::Kept;
        let (mut exchange, answer) = loop {
            let mut link = pool.link(reuse, &self.timer, self).await.map_err(|error| {
                tracing::warn!(upstream = pool.config().name, %error, "upstream cannot be reached");
                Rejection::UpstreamBroken
            })?;
            let host = match route.host_header {
                HostHeader::Preserve => caller.host,
                HostHeader::Upstream => None,
            };
            let host = host.unwrap_or_else(|| pool.authority(&link));
            self.write_head(link.out(), route, head, &caller, &permit, host, fresh_id, framing);
            let head_timeout = nanos(pool.config().head_timeout);
            let stall = nanos(pool.config().body_timeout);
            let mut exchange = Exchange::new(link, pool, &self.timer, body.take(), framing, head_timeout, stall);
            match std::future::poll_fn(|cx| exchange.poll_head(cx, &head.method, head_timeout)).await {
                Ok(answer) => break (exchange, answer),
                // Only what can be sent twice without being done twice, and only once.
                Err(ExchangeError::Gone)
                    if reuse == Reuse::Kept && framing == Framing::None && is_idempotent(&head.method) =>
                {
                    self.cells().upstream_retries.add(1);
                    reuse = Reuse::Fresh;
                }
                Err(error) => return Err(refuse(pool, &error)),
            }
        };
        told.upstream = Some((from, self.services().clock.mono()));
        let odd = is_odd_body(&head.method, framing);
        if odd {
            exchange.keep_no_connection();
        }
        let mut response = respond(exchange, answer, in_flight);
        if odd {
            response.headers_mut().insert(http::header::CONNECTION, http::HeaderValue::from_static("close"));
        }
        Ok(response)
    }

    #[allow(clippy::too_many_arguments)] // everything a head is made of
    fn write_head(
        &self,
        out: &mut Vec<u8>,
        route: &Route,
        head: &Parts,
        caller: &Caller<'_>,
        permit: &Permit<TokenLimits>,
        host: &str,
        fresh_id: &str,
        framing: Framing,
    ) {
        let mut id = [0; 36];
        let identity = permit.token().map(|token| (token.id.encode(&mut id), &*token.identity().header_lines));
        let mut forwarding = Vec::with_capacity(192);
        let asked = caller.host.unwrap_or_default();
        forwarding_lines(&mut forwarding, head, caller, asked);
        headers::write_head(
            out,
            &HeadParts {
                method: &head.method,
                path: caller.path,
                query: caller.extracted.query.as_deref().or(head.uri.query()),
                host,
                headers: &head.headers,
                scan: caller.scan,
                sources: &route.sources,
                identity,
                forwarding: &forwarding,
                fresh_id,
                framing,
            },
        );
    }
}

/// `X-Forwarded-*` and `Forwarded` (RFC 7239): rewritten from what is known; behind a trusted proxy its chain goes on.
fn forwarding_lines(out: &mut Vec<u8>, head: &Parts, caller: &Caller<'_>, host: &str) {
    if !caller.connection.trusted {
        out.extend_from_slice(&caller.connection.forwarding);
        push_forwarded_host(out, host);
        headers::line(out, b"x-forwarded-host", host.as_bytes());
        return;
    }
    // What is not visible ASCII shows as `?`: a caller's odd byte must not hide what the proxy behind it wrote.
    let shown = |value: &http::HeaderValue| -> String {
        value.as_bytes().iter().map(|b| if matches!(b, b' '..=b'~') { char::from(*b) } else { '?' }).collect()
    };
    let text = |name: &str| head.headers.get_all(name).iter().map(shown).collect::<Vec<_>>().join(", ");
    let peer = caller.connection.peer;
    let chain = text("x-forwarded-for");
    let chain = if chain.is_empty() { peer.to_string() } else { format!("{chain}, {peer}") };
    let proto = match text("x-forwarded-proto").as_str() {
        "https" => "https",
        _ => "http",
    };
    let asked = text("x-forwarded-host");
    let valid = |host: &str| {
        !host.is_empty()
            && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']'))
    };
    let asked = if valid(&asked) { asked.as_str() } else { host };
    let node = if caller.client.is_ipv6() { format!("\"[{}]\"", caller.client) } else { caller.client.to_string() };
    headers::line(out, b"x-forwarded-for", chain.as_bytes());
    headers::line(out, b"x-forwarded-proto", proto.as_bytes());
    out.extend_from_slice(format!("forwarded: for={node};proto={proto};host=").as_bytes());
    push_forwarded_host(out, asked);
    headers::line(out, b"x-forwarded-host", asked.as_bytes());
}

/// The host as a quoted string: it may hold a colon. Its characters need no escape.
fn push_forwarded_host(out: &mut Vec<u8>, host: &str) {
    out.push(b'"');
    out.extend_from_slice(host.as_bytes());
    out.extend_from_slice(b"\"\r\n");
}

/// How the caller's body goes on. A length of zero is passed on where the caller gave it.
fn framing(head: &Parts, body: &Incoming) -> Framing {
    match body.size_hint().exact() {
        Some(0) if !head.headers.contains_key(http::header::CONTENT_LENGTH) => Framing::None,
        Some(length) => Framing::Sized(length),
        None => Framing::Chunked,
    }
}

/// A body where readers may expect none (RFC 9110 sections 9.3.1 and 9.3.2). One that skips it would take its bytes for
/// the next request: neither connection serves another.
fn is_odd_body(method: &Method, framing: Framing) -> bool {
    matches!(*method, Method::GET | Method::HEAD) && !matches!(framing, Framing::None | Framing::Sized(0))
}

/// RFC 9110 section 9.2.2.
fn is_idempotent(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE)
}

fn refuse(pool: &Pool, error: &ExchangeError) -> Rejection {
    let upstream = &pool.config().name;
    match error {
        ExchangeError::Caller(crate::server::BodyError::Stalled) => Rejection::BodyTimeout,
        ExchangeError::Caller(_) => Rejection::BadRequest("The request body is broken."),
        ExchangeError::Slow => {
            tracing::warn!(upstream, "upstream does not answer in time");
            Rejection::UpstreamSlow
        }
        ExchangeError::Gone | ExchangeError::Io(_) | ExchangeError::Broken(_) => {
            tracing::warn!(upstream, %error, "upstream failed");
            Rejection::UpstreamBroken
        }
    }
}

fn respond(mut exchange: Exchange, answer: ResponseHead, in_flight: InFlight) -> Response<ProxyBody> {
    let body = match exchange.take_whole_body() {
        Some(bytes) => ProxyBody::whole(bytes, Some(in_flight)),
        None => ProxyBody::Upstream(UpstreamBody::new(Box::new(exchange), in_flight)),
    };
    let mut response = Response::new(body);
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response
}
