//! Secrets in the addresses of requests, hidden before the addresses are recorded.

use std::borrow::Cow;

use super::endpoint::percent_decode;
use crate::token::PlainSecret;

/// The path as it may be shown: what a segment holds of a secret is masked, also where it is percent-encoded; so are
/// segments that `may_be_secret`, decoded.
pub(super) fn path(path: &str, may_be_secret: impl Fn(&str) -> bool) -> Cow<'_, str> {
    let masked = |segment: &str| {
        let segment = percent_decode(segment, false);
        hidden(&segment).or_else(|| may_be_secret(&segment).then(|| "***".to_owned()))
    };
    if !path.split('/').any(|segment| masked(segment).is_some()) {
        return Cow::Borrowed(path);
    }
    let shown: Vec<Cow<'_, str>> =
        path.split('/').map(|segment| masked(segment).map_or(Cow::Borrowed(segment), Cow::Owned)).collect();
    Cow::Owned(shown.join("/"))
}

/// The query as it may be shown: values that look like secrets are masked, whatever their parameters are called.
pub(super) fn query(query: &str) -> Cow<'_, str> {
    let masked = |parameter: &str| {
        let (name, value) = parameter.split_once('=')?;
        hidden(&percent_decode(value, true)).map(|shown| format!("{name}={shown}"))
    };
    if !query.split('&').any(|parameter| masked(parameter).is_some()) {
        return Cow::Borrowed(query);
    }
    let shown: Vec<Cow<'_, str>> =
        query.split('&').map(|parameter| masked(parameter).map_or(Cow::Borrowed(parameter), Cow::Owned)).collect();
    Cow::Owned(shown.join("&"))
}

/// What may be shown of a text that has the form of a secret. Those of XMS and Astra have no mark; an id of 32 hex digits
/// without hyphens is hidden with them.
fn hidden(text: &str) -> Option<String> {
    let of = |length: usize, fits: fn(&u8) -> bool| text.len() == length && text.as_bytes().iter().all(fits);
    let unmarked =
        of(32, u8::is_ascii_hexdigit) || of(44, |byte| byte.is_ascii_alphanumeric() || b"+/-_=".contains(byte));
    PlainSecret::masked(text).or_else(|| unmarked.then(|| "***".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::token::{Form, HashKey};

    #[test]
    fn secrets_in_a_path_are_hidden_and_ids_are_not() {
        let key = HashKey::new(&[7; 32]).expect("long enough");
        let minted = |form| PlainSecret::mint(form, &key, Timestamp::system());
        let (dynatrace, _, id) = minted(Form::Dynatrace);
        let public = id.dynatrace();
        for (secret, shown) in [
            (dynatrace.expose().to_owned(), format!("{public}.***")),
            (minted(Form::Tg).0.expose().to_owned(), "tg_***".to_owned()),
        ] {
            let encoded: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
            for written in [
                &secret,
                &encoded,
                &secret.replace(['.', '_'], "%2e").replacen("tg%2e", "tg%5f", 1),
                &format!("{secret}x"),
            ] {
                assert_eq!(
                    path(&format!("/api/v2/apiTokens/{written}"), |_| false),
                    format!("/api/v2/apiTokens/{shown}")
                );
            }
            assert_eq!(path(&format!("{secret}/x//"), |segment| segment == "y"), format!("{shown}/x//"));
        }
        for form in [Form::Xms, Form::Astra] {
            let (secret, ..) = minted(form);
            let encoded: String = secret.expose().bytes().map(|byte| format!("%{byte:02X}")).collect();
            assert_eq!(path(&format!("/tokens/{encoded}/x"), |_| false), "/tokens/***/x");
            let asked = format!("q={}&a=1&q={encoded}&b", secret.expose().replace('+', "%2b"));
            assert_eq!(query(&asked), "q=***&a=1&q=***&b");
        }
        assert_eq!(query(&format!("TOKEN={}&x=1", minted(Form::Tg).0.expose())), "TOKEN=tg_***&x=1");
        assert_eq!(query(&format!("id={public}&from=now-2h")), format!("id={public}&from=now-2h"));
        for plain in ["/", "", "/api/v2/apiTokens", &format!("/api/v2/apiTokens/{public}"), "/a%2fb/%zz", "*"] {
            assert!(matches!(path(plain, |_| false), Cow::Borrowed(shown) if shown == plain));
        }
    }
}
