//! Secrets in the paths of requests, hidden before the paths are recorded.

use std::borrow::Cow;

use super::endpoint::percent_decode;
use crate::token::PlainSecret;

/// The path as it may be shown: what a segment holds of a secret is masked, also where it is percent-encoded; so are
/// segments that `may_be_secret`, decoded.
pub(super) fn path(path: &str, may_be_secret: impl Fn(&str) -> bool) -> Cow<'_, str> {
    let masked = |segment: &str| {
        let segment = percent_decode(segment, false);
        PlainSecret::masked(&segment).or_else(|| may_be_secret(&segment).then(|| "***".to_owned()))
    };
    if !path.split('/').any(|segment| masked(segment).is_some()) {
        return Cow::Borrowed(path);
    }
    let shown: Vec<Cow<'_, str>> =
        path.split('/').map(|segment| masked(segment).map_or(Cow::Borrowed(segment), Cow::Owned)).collect();
    Cow::Owned(shown.join("/"))
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
        for plain in ["/", "", "/api/v2/apiTokens", &format!("/api/v2/apiTokens/{public}"), "/a%2fb/%zz", "*"] {
            assert!(matches!(path(plain, |_| false), Cow::Borrowed(shown) if shown == plain));
        }
    }
}
