//! Finds the credential of a request, and says what must be removed so that it goes no further.
//!
//! Values are compared, never guessed between: one value in several places is one credential, two values are an error.

use std::borrow::Cow;

use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE, HeaderName};

use super::{Denial, Source};
use crate::token::PlainSecret;

/// A set of sources, prepared for looking at requests.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    bearer: bool,
    api_token: bool,
    /// Schemes beyond the two.
    schemes: Vec<&'static str>,
    headers: Vec<HeaderName>,
    cookies: Vec<&'static str>,
    queries: Vec<String>,
    /// The query is read only where no field holds a credential.
    fields_win: bool,
}

/// What a request carries.
#[derive(Debug, PartialEq, Eq)]
pub struct Extracted<'r> {
    secret: Option<Cow<'r, [u8]>>,
    /// No header field but a cookie holds it.
    pub by_cookie: bool,
    /// The query without its credential parameters, where it had any; empty = no query is left.
    pub query: Option<String>,
}

impl Extracted<'_> {
    /// The secret, not yet hashed; `None` for a request without one.
    ///
    /// # Errors
    /// [`Denial::Malformed`] for a text that cannot be a secret.
    pub fn secret(&self) -> Result<Option<&[u8]>, Denial> {
        match self.secret.as_deref() {
            Some(secret) if PlainSecret::gate(secret).is_err() => Err(Denial::Malformed),
            secret => Ok(secret),
        }
    }
}

impl Sources {
    /// From a list without order: every source is looked at.
    pub fn new(list: &[Source]) -> Self {
        let mut sources = Self::default();
        for source in list {
            match source {
                Source::Bearer => sources.bearer = true,
                Source::ApiToken => sources.api_token = true,
                Source::Header(name) => sources.headers.push(name.clone()),
                Source::Query(name) => sources.queries.push(name.clone()),
                Source::Scheme(name) => sources.schemes.push(name),
                Source::Cookie(name) => sources.cookies.push(name),
            }
        }
        sources
    }

    /// The same places, but a credential in a header field counts even where the query holds another one (Dynatrace).
    pub fn fields_win(self) -> Self {
        Self { fields_win: true, ..self }
    }

    /// Whether a header of this name holds a credential and must not be passed on. `Authorization` does only with one of
    /// our schemes; [`Self::claims_authorization`] tells.
    pub fn claims_header(&self, name: &HeaderName) -> bool {
        self.headers.iter().any(|own| own == name)
    }

    /// Whether an `Authorization` value holds a credential of ours.
    pub fn claims_authorization(&self, value: &[u8]) -> bool {
        self.authorization(value).is_some()
    }

    /// Looks at every source.
    ///
    /// # Errors
    /// [`Denial::Ambiguous`] for a repeated `Authorization` field or two values that differ.
    pub fn extract<'r>(&self, headers: &'r HeaderMap, query: Option<&'r str>) -> Result<Extracted<'r>, Denial> {
        let mut found = None;
        if self.bearer || self.api_token || !self.schemes.is_empty() {
            let mut values = headers.get_all(AUTHORIZATION).iter();
            if let Some(value) = values.next() {
                if values.next().is_some() {
                    return Err(Denial::Ambiguous);
                }
                if let Some(secret) = self.authorization(value.as_bytes()) {
                    agree(&mut found, Cow::Borrowed(secret))?;
                }
            }
        }
        for name in &self.headers {
            for value in headers.get_all(name) {
                let value = value.as_bytes();
                agree(&mut found, Cow::Borrowed(scheme(value, b"bearer").unwrap_or(value)))?;
            }
        }
        let by_field = found.is_some();
        for value in self.cookie_values(headers) {
            agree(&mut found, strip_scheme(Cow::Borrowed(value)))?;
        }
        let by_cookie = found.is_some() && !by_field;
        let query = match query {
            Some(_) if self.fields_win && found.is_some() => None,
            Some(query) if !self.queries.is_empty() => self.take_from_query(query, &mut found)?,
            _ => None,
        };
        Ok(Extracted { secret: found, by_cookie, query })
    }

    fn authorization<'r>(&self, value: &'r [u8]) -> Option<&'r [u8]> {
        let bearer = if self.bearer { scheme(value, b"bearer") } else { None };
        bearer
            .or_else(|| if self.api_token { scheme(value, b"api-token") } else { None })
            .or_else(|| self.schemes.iter().find_map(|name| scheme(value, name.as_bytes())))
    }

    fn cookie_values<'s, 'r>(&'s self, headers: &'r HeaderMap) -> impl Iterator<Item = &'r [u8]> + use<'s, 'r> {
        let fields = headers.get_all(COOKIE).iter().filter(|_| !self.cookies.is_empty());
        let pairs = fields.flat_map(|field| field.as_bytes().split(|byte| *byte == b';'));
        pairs.filter_map(|pair| {
            let at = memchr::memchr(b'=', pair)?;
            let (name, value) = (pair[..at].trim_ascii(), pair[at + 1..].trim_ascii());
            let value = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
            self.cookies.iter().any(|own| own.as_bytes() == name).then_some(value)
        })
    }

    /// Collects the values of credential parameters; returns the query without them if there were any.
    fn take_from_query<'r>(&self, query: &'r str, found: &mut Option<Cow<'r, [u8]>>) -> Result<Option<String>, Denial> {
        if !self.mentions(query) {
            return Ok(None);
        }
        let mut kept = String::with_capacity(query.len());
        let (mut removed, mut first) = (false, true);
        for parameter in query.split('&') {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            if self.queries.iter().any(|own| decode(name) == own.as_bytes()) {
                removed = true;
                agree(found, strip_scheme(decode(value)))?;
                continue;
            }
            if !first {
                kept.push('&');
            }
            first = false;
            kept.push_str(parameter);
        }
        Ok(removed.then_some(kept))
    }

    /// Whether a credential parameter can be in the query at all: a cheap test for the many queries without one. A percent
    /// sign may hide a letter of the name.
    fn mentions(&self, query: &str) -> bool {
        let bytes = query.as_bytes();
        memchr::memchr2(b'%', b'+', bytes).is_some()
            || self.queries.iter().any(|own| memchr::memmem::find(bytes, own.as_bytes()).is_some())
    }

    /// The query as it may be shown: credential values masked.
    pub fn mask_query<'r>(&self, query: &'r str) -> Cow<'r, str> {
        if self.queries.is_empty() || !self.mentions(query) {
            return Cow::Borrowed(query);
        }
        let mut shown = String::with_capacity(query.len());
        for (at, parameter) in query.split('&').enumerate() {
            if at > 0 {
                shown.push('&');
            }
            let name = parameter.split('=').next().unwrap_or_default();
            if self.queries.iter().any(|own| decode(name) == own.as_bytes()) {
                shown.push_str(name);
                shown.push_str("=***");
            } else {
                shown.push_str(parameter);
            }
        }
        Cow::Owned(shown)
    }
}

/// The rest after a scheme (RFC 9110 section 11.1: compared without case, then blanks), if the value has it.
fn scheme<'r>(value: &'r [u8], name: &[u8]) -> Option<&'r [u8]> {
    let (head, rest) = value.split_at_checked(name.len())?;
    if !head.eq_ignore_ascii_case(name) {
        return None;
    }
    match rest.first() {
        None => Some(rest),
        Some(b' ' | b'\t') => Some(rest.trim_ascii()),
        Some(_) => None,
    }
}

fn strip_scheme(value: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    match scheme(&value, b"bearer") {
        Some(rest) if rest.len() < value.len() => Cow::Owned(rest.to_vec()),
        _ => value,
    }
}

/// Adds a value to what was found; a second one has to be the same.
fn agree<'r>(found: &mut Option<Cow<'r, [u8]>>, value: Cow<'r, [u8]>) -> Result<(), Denial> {
    match found {
        Some(first) if **first != *value => Err(Denial::Ambiguous),
        Some(_) => Ok(()),
        None => {
            *found = Some(value);
            Ok(())
        }
    }
}

/// Percent-decoding with `+` as a blank (the URL standard's form encoding); broken escapes stay as they are.
fn decode(text: &str) -> Cow<'_, [u8]> {
    let bytes = text.as_bytes();
    if memchr::memchr2(b'%', b'+', bytes).is_none() {
        return Cow::Borrowed(bytes);
    }
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let hex = |offset: usize| bytes.get(at + offset).and_then(|b| char::from(*b).to_digit(16));
        match (byte, hex(1), hex(2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                at += 2;
            }
            (b'+', ..) => decoded.push(b' '),
            _ => decoded.push(*byte),
        }
        at += 1;
    }
    Cow::Owned(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    const A: &str = "aaaaaaaaaaaaaaaa";

    fn extract(
        headers: &[(&'static str, &str)],
        query: Option<&str>,
    ) -> Result<(Option<String>, Option<String>), Denial> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).expect("a header value"));
        }
        let sources = Sources::new(&Source::defaults());
        let extracted = sources.extract(&map, query)?;
        let secret = extracted.secret()?.map(|s| String::from_utf8_lossy(s).into_owned());
        Ok((secret, extracted.query))
    }

    #[test]
    fn vendors_schemes_and_cookies_are_found_and_fields_may_win() {
        let list =
            [Source::Bearer, Source::Scheme("jwt"), Source::Cookie("XMS_AUTH_TOKEN"), Source::Query("t".to_owned())];
        let sources = Sources::new(&list);
        let found = |sources: &Sources, headers: &[(&'static str, &str)], query: Option<&str>| {
            let pairs = headers.iter().map(|(name, value)| {
                (HeaderName::from_static(name), HeaderValue::from_str(value).expect("a header value"))
            });
            let map: HeaderMap = pairs.collect();
            let extracted = sources.extract(&map, query)?;
            Ok(extracted.secret()?.map(|secret| String::from_utf8_lossy(secret).into_owned()))
        };
        let a = Ok(Some(A.to_owned()));
        assert_eq!(found(&sources, &[("authorization", "JWT aaaaaaaaaaaaaaaa")], None), a);
        assert_eq!(found(&sources, &[("cookie", "x=1; XMS_AUTH_TOKEN=aaaaaaaaaaaaaaaa;y=2")], None), a);
        assert_eq!(found(&sources, &[("cookie", "XMS_AUTH_TOKEN=\"aaaaaaaaaaaaaaaa\"")], None), a);
        assert_eq!(found(&sources, &[("cookie", "xms_auth_token=aaaaaaaaaaaaaaaa")], None), Ok(None));
        let two = [("authorization", "Bearer aaaaaaaaaaaaaaaa"), ("cookie", "XMS_AUTH_TOKEN=bbbbbbbbbbbbbbbb")];
        assert_eq!(found(&sources, &two, None), Err(Denial::Ambiguous));
        let (bearer, other) = (&two[..1], Some("t=bbbbbbbbbbbbbbbb"));
        assert_eq!(found(&sources, bearer, other), Err(Denial::Ambiguous));
        let sources = sources.fields_win();
        assert_eq!(found(&sources, bearer, other), a);
        assert_eq!(found(&sources, &[], Some("t=aaaaaaaaaaaaaaaa")), a);
        assert_eq!(found(&sources, &two, None), Err(Denial::Ambiguous));
    }

    #[test]
    fn every_source_is_found_and_only_one_value_is_accepted() {
        let bearer = format!("Bearer {A}");
        let found = Ok((Some(A.to_owned()), None));
        for headers in [
            &[("authorization", bearer.as_str())][..],
            &[("authorization", "bEARER  aaaaaaaaaaaaaaaa ")],
            &[("authorization", "Api-Token aaaaaaaaaaaaaaaa")],
            &[("xms-auth-token", A)],
            &[("xms-auth-token", bearer.as_str())],
            &[("authorization", bearer.as_str()), ("xms-auth-token", A)],
        ] {
            assert_eq!(extract(headers, None), found, "{headers:?}");
        }
        type Case<'a> = (&'a [(&'static str, &'a str)], Option<&'a str>, Denial);
        let cases: [Case<'_>; 6] = [
            (&[("authorization", "Bearer a1"), ("authorization", "Bearer a1")], None, Denial::Ambiguous),
            (&[("authorization", "Bearer a1"), ("xms-auth-token", "a2")], None, Denial::Ambiguous),
            (&[("authorization", "Bearer a1")], Some("token=a2"), Denial::Ambiguous),
            (&[], Some("token=a1&token=a2"), Denial::Ambiguous),
            (&[("authorization", "Bearer")], None, Denial::Malformed),
            (&[("authorization", "Bearer a b")], None, Denial::Malformed),
        ];
        for (headers, query, denial) in cases {
            assert_eq!(extract(headers, query), Err(denial), "{headers:?} {query:?}");
        }
        assert_eq!(extract(&[("authorization", "Basic dTpw")], Some("a=1")), Ok((None, None)));
    }

    #[test]
    fn the_query_keeps_its_order_and_spelling() {
        for (query, kept) in [
            ("token=aaaaaaaaaaaaaaaa", ""),
            ("a=1&token=aaaaaaaaaaaaaaaa&b=%20+2&a=3", "a=1&b=%20+2&a=3"),
            ("%74oken=aaaaaaaaaaaaaaaa&x", "x"),
            ("token=%61aaaaaaaaaaaaaaa&&x", "&x"),
            ("tok%65n=Bearer+aaaaaaaaaaaaaaaa", ""),
        ] {
            assert_eq!(extract(&[], Some(query)), Ok((Some(A.to_owned()), Some(kept.to_owned()))), "{query}");
        }
        assert_eq!(extract(&[], Some("tokens=1&x=token")), Ok((None, None)));
        let sources = Sources::new(&Source::defaults());
        assert_eq!(sources.mask_query("a=1&tok%65n=secret&b=2"), "a=1&tok%65n=***&b=2");
    }

    proptest! {
        /// What is kept never holds a parameter that a reader would take for the credential, and loses nothing else.
        #[test]
        fn no_spelling_of_the_parameter_gets_through(query in "([a-z]{1,3}|token|%74oken|to%6ben|TOKEN)(=[a-z0-9%+]{0,8})?(&([a-z]{1,3}|token|tok%65n)(=[a-z0-9]{1,8})?){0,5}") {
            let sources = Sources::new(&[Source::Query("token".to_owned())]);
            let mut found = None;
            if let Ok(Some(kept)) = sources.take_from_query(&query, &mut found) {
                prop_assert!(kept.split('&').all(|p| *decode(p.split('=').next().unwrap_or("")) != b"token"[..]));
                let others = |text: &str| text.split('&').filter(|p| *decode(p.split('=').next().unwrap_or("")) != b"token"[..]).map(str::to_owned).collect::<Vec<_>>();
                let expected = others(&query).join("&");
                prop_assert_eq!(kept, expected);
            }
        }
    }
}
