//! The host that a request is for.

use http::Version;
use http::header::HOST;
use http::request::Parts;

use super::reject::Rejection;

/// The host a request is for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Host<'r> {
    /// As written, with port; `None` for HTTP/1.0 without one.
    pub(super) written: Option<&'r str>,
    /// Without port and without the dot of a full name, lower case.
    pub(super) name: Option<String>,
}

/// Finds the one host (RFC 9112 section 3.2). There is exactly one valid `Host`; the authority of an absolute-form target
/// wins over it (section 3.2.2).
pub(super) fn of<'r>(head: &'r Parts, routes_ignore_hosts: bool) -> Result<Host<'r>, Rejection> {
    let mut fields = head.headers.get_all(HOST).iter();
    let field = match fields.next() {
        Some(value) => Some(value.to_str().map_err(|_| Rejection::BadRequest("The Host field is not valid."))?),
        None => None,
    };
    if fields.next().is_some() {
        return Err(Rejection::BadRequest("The request has more than one Host field."));
    }
    if field.is_none() && head.version == Version::HTTP_11 {
        return Err(Rejection::BadRequest("The request has no Host field."));
    }
    if head.uri.scheme().is_some_and(|scheme| !matches!(scheme.as_str(), "http" | "https")) {
        return Err(Rejection::BadRequest("The request target is not an HTTP address."));
    }
    let field = field.filter(|text| !text.is_empty());
    let of_field = field.map(host_name).transpose()?;
    let authority = head.uri.authority().map(|authority| authority.as_str());
    let of_target = authority.map(host_name).transpose()?;
    let name = of_target.or(of_field).filter(|_| !routes_ignore_hosts);
    let name = name.map(|name| name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase());
    Ok(Host { written: authority.or(field), name })
}

/// The host of `host[:port]`, if both are valid (RFC 3986 section 3.2.2, less escapes and sub-delimiters).
fn host_name(text: &str) -> Result<&str, Rejection> {
    let colon = text.rfind(':').filter(|colon| !text[*colon..].contains(']'));
    let (name, port) = colon.map_or((text, ""), |colon| (&text[..colon], &text[colon + 1..]));
    let named = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'~');
    let valid = match name.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok()),
        None => !name.is_empty() && name.bytes().all(named),
    };
    if !valid || !port.bytes().all(|b| b.is_ascii_digit()) || !(port.is_empty() || port.parse::<u16>().is_ok()) {
        return Err(Rejection::BadRequest("The Host field is not valid."));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    #[test]
    fn there_is_exactly_one_host() {
        let host_of = |fields: &[(&str, &str)]| find("/x", fields).map(|(name, _)| name);
        assert_eq!(host_of(&[("host", "API.example:8080")]), Ok(Some("api.example".to_owned())));
        assert_eq!(host_of(&[("host", "api.example.:8080")]), Ok(Some("api.example".to_owned())));
        assert_eq!(host_of(&[("host", "[::1]:80")]), Ok(Some("[::1]".to_owned())));
        assert_eq!(host_of(&[("host", "")]), Ok(None));
        for fields in [
            &[][..],
            &[("host", "a"), ("host", "a")],
            &[("host", "a b")],
            &[("host", "u@a")],
            &[("host", "a/b")],
            &[("host", "a:1:2")],
            &[("host", "a:x")],
            &[("host", "a:65536")],
            &[("host", "[::1")],
            &[("host", "[x]")],
            &[("host", ":80")],
        ] {
            assert!(host_of(fields).is_err(), "{fields:?}");
        }
    }

    #[test]
    fn the_authority_of_the_target_wins() {
        let found = find("http://Target.example:81/x", &[("host", "other")]);
        assert_eq!(found, Ok((Some("target.example".to_owned()), Some("Target.example:81".to_owned()))));
        for (target, field) in
            [("http://target/x", "a b"), ("http://u@target/x", "target"), ("ftp://target/x", "target")]
        {
            assert!(find(target, &[("host", field)]).is_err(), "{target} {field}");
        }
    }

    fn find(target: &str, fields: &[(&str, &str)]) -> Result<(Option<String>, Option<String>), Rejection> {
        let mut request = Request::builder().uri(target);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let parts = request.body(()).expect("a request").into_parts().0;
        of(&parts, false).map(|host| (host.name.clone(), host.written.map(str::to_owned)))
    }
}
