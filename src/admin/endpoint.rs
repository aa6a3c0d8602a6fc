//! A dialect's table of endpoints, and the matching of requests against it.

use std::borrow::Cow;

use http::Method;
use http::request::Parts;

use super::spec::Spec;
use crate::token::{Bundles, Scope};

/// One operation of a dialect. The table feeds matching, the scope check, metric labels and activity events.
#[derive(Debug)]
pub(crate) struct Endpoint {
    /// Method, compared exactly.
    pub(crate) method: Method,
    /// Path template: literal segments, `{name}` for a whole segment without a colon, `{name}:literal` for one with a fixed
    /// end: what follows a colon names an action. Segments of a request are compared after percent-decoding. A final `/?` allows
    /// a trailing slash, which is a segment of its own otherwise.
    pub(crate) path: &'static str,
    /// Name of the operation in the vendor's description.
    pub(crate) operation: &'static str,
    /// The token needs one of these; none = any live token.
    pub(crate) scopes: &'static [&'static str],
    /// Whether a call takes a point from the caller's bucket and quota.
    pub(crate) costs_point: bool,
    /// What the OpenAPI document says of it.
    pub(crate) spec: Spec,
}

impl Endpoint {
    /// An operation whose calls cost nothing.
    pub(crate) const fn new(
        method: Method,
        path: &'static str,
        operation: &'static str,
        scopes: &'static [&'static str],
        spec: Spec,
    ) -> Self {
        Self { method, path, operation, scopes, costs_point: false, spec }
    }

    /// Whether somebody who holds `held` may call it.
    pub(crate) fn is_open_to(&self, held: &[Scope], bundles: &Bundles) -> bool {
        self.scopes.is_empty() || self.scopes.iter().any(|scope| bundles.holds(held, scope))
    }
}

/// The variable segments of a request path, percent-decoded.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Variables(Vec<(&'static str, String)>);

impl Variables {
    /// The value of a template's variable; empty for a name the template does not have.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(own, _)| *own == name).map_or("", |(_, value)| value)
    }
}

/// Why no endpoint serves a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoEndpoint {
    /// No template has this path.
    Path,
    /// Templates have it, for other methods: the value of `Allow` (RFC 9110 section 10.2.1).
    Method(String),
}

/// How exactly a template matched, segment by segment; smaller is more exact.
type Exactness = Vec<u8>;

/// The path of a request; several slashes at its start count as one, which careless joining of addresses makes.
pub(crate) fn path(head: &Parts) -> &str {
    let path = head.uri.path();
    let extra = path.len() - path.trim_start_matches('/').len();
    path.get(extra.saturating_sub(1)..).unwrap_or(path)
}

/// The endpoint of a method and path. Of several templates the one that is literal furthest to the left is taken.
///
/// # Errors
/// None has the path, or none that has it takes the method.
pub(crate) fn find<'e>(
    endpoints: &'e [Endpoint],
    method: &Method,
    path: &str,
) -> Result<(&'e Endpoint, Variables), NoEndpoint> {
    let mut best: Option<(Exactness, &Endpoint, Variables)> = None;
    let mut allow: Vec<&str> = Vec::new();
    for endpoint in endpoints {
        let Some((exactness, variables)) = matches(endpoint.path, path) else { continue };
        if endpoint.method != *method {
            if !allow.contains(&endpoint.method.as_str()) {
                allow.push(endpoint.method.as_str());
            }
        } else if best.as_ref().is_none_or(|(than, ..)| exactness < *than) {
            best = Some((exactness, endpoint, variables));
        }
    }
    match best {
        Some((_, endpoint, variables)) => Ok((endpoint, variables)),
        None if allow.is_empty() => Err(NoEndpoint::Path),
        None => Err(NoEndpoint::Method(allow.join(", "))),
    }
}

fn matches(template: &'static str, path: &str) -> Option<(Exactness, Variables)> {
    let (mut exactness, mut variables) = (Exactness::new(), Variables::default());
    let (template, path) = match template.strip_suffix("/?") {
        Some(bare) => (bare, path.strip_suffix('/').unwrap_or(path)),
        None => (template, path),
    };
    let mut segments = path.split('/').map(|segment| percent_decode(segment, false));
    for wanted in template.split('/') {
        let segment = segments.next()?;
        let Some((name, end)) = wanted.strip_prefix('{').and_then(|rest| rest.split_once('}')) else {
            if wanted != &*segment {
                return None;
            }
            exactness.push(0);
            continue;
        };
        let fits = |value: &&str| !value.is_empty() && (!end.is_empty() || !value.contains(':'));
        let value = segment.strip_suffix(end).filter(fits)?;
        variables.0.push((name, value.to_owned()));
        exactness.push(if end.is_empty() { 2 } else { 1 });
    }
    segments.next().is_none().then_some((exactness, variables))
}

/// The parameters of a query in their order, decoded as forms are (`+` is a blank); bytes that are no UTF-8 are replaced.
pub(crate) fn parameters(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    query.split('&').filter(|parameter| !parameter.is_empty()).map(|parameter| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        (percent_decode(name, true), percent_decode(value, true))
    })
}

/// Percent-decoding; broken escapes stay as they are.
pub(super) fn percent_decode(text: &str, form: bool) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    if !bytes.iter().any(|byte| *byte == b'%' || (form && *byte == b'+')) {
        return Cow::Borrowed(text);
    }
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let hex = |offset: usize| bytes.get(at + offset).and_then(|digit| char::from(*digit).to_digit(16));
        match (byte, hex(1), hex(2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                at += 2;
            }
            (b'+', ..) if form => decoded.push(b' '),
            _ => decoded.push(*byte),
        }
        at += 1;
    }
    Cow::Owned(String::from_utf8_lossy(&decoded).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn endpoint(method: Method, path: &'static str) -> Endpoint {
        let spec = Spec { summary: "", parameters: &[], body: None, answers: &[], refusals: &[] };
        Endpoint::new(method, path, path, &[], spec)
    }

    fn table() -> Vec<Endpoint> {
        vec![
            endpoint(Method::GET, "/tokens"),
            endpoint(Method::POST, "/tokens"),
            endpoint(Method::GET, "/tokens/{id}"),
            endpoint(Method::DELETE, "/tokens/{id}"),
            endpoint(Method::POST, "/tokens/{id}:regenerate"),
            endpoint(Method::POST, "/tokens/lookup"),
            endpoint(Method::GET, "/users/{user}/tokens/{id}"),
            endpoint(Method::GET, "/slash/"),
            endpoint(Method::GET, "/both/?"),
        ]
    }

    #[test]
    fn requests_find_the_most_exact_template() {
        let table = table();
        let found = |method: Method, path: &str| {
            find(&table, &method, path)
                .map(|(endpoint, variables)| (endpoint.operation, variables.get("id").to_owned()))
                .map_err(|none| match none {
                    NoEndpoint::Path => "404".to_owned(),
                    NoEndpoint::Method(allow) => allow,
                })
        };
        let rows = [
            (Method::GET, "/tokens", Ok(("/tokens", ""))),
            (Method::GET, "/tokens/", Err("404")),
            (Method::GET, "/slash", Err("404")),
            (Method::GET, "/slash/", Ok(("/slash/", ""))),
            (Method::GET, "/tokens/a%20b%zz", Ok(("/tokens/{id}", "a b%zz"))),
            (Method::GET, "/tokens/lookup", Ok(("/tokens/{id}", "lookup"))),
            (Method::POST, "/tokens/lookup", Ok(("/tokens/lookup", ""))),
            (Method::POST, "/tokens/7:regenerate", Ok(("/tokens/{id}:regenerate", "7"))),
            (Method::POST, "/tokens/:regenerate", Err("404")),
            (Method::POST, "/tokens/7:rotate", Err("404")),
            (Method::GET, "/tokens/7:regenerate", Err("POST")),
            (Method::POST, "/tokens/7:8:regenerate", Ok(("/tokens/{id}:regenerate", "7:8"))),
            (Method::POST, "/tokens/7", Err("GET, DELETE")),
            (Method::PUT, "/tokens", Err("GET, POST")),
            (Method::HEAD, "/tokens", Err("GET, POST")),
            (Method::PUT, "/tokens/lookup", Err("GET, DELETE, POST")),
            (Method::GET, "/users/u/tokens/7", Ok(("/users/{user}/tokens/{id}", "7"))),
            (Method::GET, "/users//tokens/7", Err("404")),
            (Method::GET, "/tokens/7/8", Err("404")),
            (Method::GET, "/both", Ok(("/both/?", ""))),
            (Method::GET, "/both/", Ok(("/both/?", ""))),
            (Method::GET, "/both//", Err("404")),
            (Method::POST, "/tokens/7%3Aregenerate", Ok(("/tokens/{id}:regenerate", "7"))),
            (Method::GET, "/Tokens", Err("404")),
            (Method::GET, "*", Err("404")),
        ];
        for (method, path, expected) in rows {
            let expected = expected.map(|(a, b)| (a, b.to_owned())).map_err(str::to_owned);
            assert_eq!(found(method.clone(), path), expected, "{method} {path}");
        }
    }

    proptest! {
        #[test]
        fn no_path_breaks_the_matcher(path in "(/tokens|/users)?[/:%a-z0-9{}é]{0,40}") {
            if let Ok((endpoint, variables)) = find(&table(), &Method::GET, &path) {
                let holes = endpoint.path.matches('{').count();
                prop_assert_eq!(variables.0.len(), holes);
                prop_assert!(variables.0.iter().all(|(_, value)| !value.is_empty()));
            }
        }
    }

    #[test]
    fn parameters_are_decoded_like_forms() {
        let pairs: Vec<(String, String)> =
            parameters("a=1&&b&c=x+y%2B%ff&=v").map(|(a, b)| (a.into_owned(), b.into_owned())).collect();
        let expected = [("a", "1"), ("b", ""), ("c", "x y+\u{fffd}"), ("", "v")];
        assert_eq!(pairs, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    }
}
