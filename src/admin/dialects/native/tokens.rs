//! Making, showing and changing tokens.

use std::time::Duration;

use http::header::{ETAG, IF_MATCH, LOCATION};
use http::{HeaderValue, StatusCode};

use super::fields::{self, Fields, date, flag, labels, object, parsed, text, texts, whole};
use super::merge::Merge;
use super::{Outcome, Refused};
use crate::admin::dialect::{Call, Reply, json, no_content};
use crate::admin::problem::Problem;
use crate::admin::service::{Actor, Draft, Error, Foreign, MAX_OVERLAP, Rotation, TokenService};
use crate::admin::view::TokenView;
use crate::token::{LastUse, PlainSecret, TokenRecord, TokenRef};

/// Makes a token.
pub(super) async fn create(call: &Call<'_>) -> Outcome {
    let actor = call.actor().await?;
    let mut fields = Fields::of_body(&call.body)?;
    let draft = draft(&mut fields);
    fields.end()?;
    let (record, secret) = call.services.service.create(&actor, draft).await?;
    Ok(made(call, &record, Some(&secret)))
}

/// Makes a token that has a secret already.
pub(super) async fn import(call: &Call<'_>) -> Outcome {
    let actor = call.actor().await?;
    let mut fields = Fields::of_body(&call.body)?;
    let (secret, sha256) = (fields.take("secret", text), fields.take("sha256", text));
    let foreign = match (secret, sha256) {
        (Some(secret), None) => Some(Foreign::from_secret(&secret)),
        (None, Some(hex)) => Some(Foreign::from_sha256_hex(&hex)),
        _ => {
            fields.fail("secret", "give either secret or sha256");
            None
        }
    };
    let draft = draft(&mut fields);
    let foreign = match foreign {
        Some(Err(Error::Invalid { field, message })) => {
            fields.fail(field, message);
            None
        }
        foreign => foreign.transpose()?,
    };
    fields.end()?;
    // Without one there was a mistake to tell.
    let foreign = foreign.ok_or_else(Problem::no_token)?;
    let record = call.services.service.import(&actor, draft, foreign).await?;
    Ok(made(call, &record, None))
}

/// A token that a body asks for.
pub(super) fn draft(fields: &mut Fields) -> Draft {
    Draft {
        name: fields.need("name", text).unwrap_or_default(),
        description: fields.take("description", text).unwrap_or_default(),
        owner: fields.take("owner", text),
        account: fields.take("account", text),
        scopes: fields.take("scopes", texts),
        plan: fields.take("plan", text),
        status: fields.take("status", fields::status).unwrap_or_default(),
        expires_at: fields.take("expires_at", date),
        labels: fields.take("labels", labels).unwrap_or_default(),
        networks: fields.take("networks", texts),
        region: fields.take("region", text),
        metadata: fields.take("metadata", object).unwrap_or_default(),
        personal: fields.take("personal", flag).unwrap_or_default(),
        form: fields.take("form", parsed).unwrap_or_default(),
    }
}

/// Finds the token of a secret.
pub(super) async fn lookup(call: &Call<'_>) -> Outcome {
    let actor = call.actor().await?;
    let mut fields = Fields::of_body(&call.body)?;
    let secret = fields.need("secret", text).unwrap_or_default();
    fields.end()?;
    let record = call.services.service.lookup(&actor, &secret).await?;
    shown(call, &record).await
}

/// Shows one token.
pub(super) async fn get(call: &Call<'_>) -> Outcome {
    let actor = call.actor().await?;
    let record = find(call, &actor).await?;
    shown(call, &record).await
}

/// Changes a token by a merge patch.
pub(super) async fn patch(call: &Call<'_>) -> Outcome {
    let actor = call.actor().await?;
    let merge = Merge::parse(&call.body)?;
    let (service, token) = addressed(call)?;
    let patched = service.patch_with(&actor, token, |record| Ok::<_, Error>(merge.clone().onto(record))).await;
    changed(call, &patched.map_err(|error| conditional(call, error))?, None).await
}

/// Revokes a token.
pub(super) async fn revoke(call: &Call<'_>) -> Outcome {
    let actor = call.actor().await?;
    let mut query = Fields::of_query(call.head.uri.query());
    let reason = query.take("reason", text).unwrap_or_default();
    query.end()?;
    let (service, token) = addressed(call)?;
    service.revoke(&actor, token, &reason).await.map_err(|error| conditional(call, error))?;
    Ok(no_content())
}

/// Gives a token a new secret.
pub(super) async fn rotate(call: &Call<'_>) -> Outcome {
    let actor = call.actor().await?;
    let mut fields = Fields::of_body(&call.body)?;
    let overlap = fields.take("overlap_seconds", whole(0, MAX_OVERLAP.as_secs())).map(Duration::from_secs);
    let form = fields.take("form", parsed);
    fields.end()?;
    let (service, token) = addressed(call)?;
    let rotated = service.rotate(&actor, token, Rotation { overlap, form }).await;
    let (record, secret) = rotated.map_err(|error| conditional(call, error))?;
    changed(call, &record, Some(&secret)).await
}

/// Switches a token on or off.
pub(super) async fn switch(call: &Call<'_>, on: bool) -> Outcome {
    let actor = call.actor().await?;
    Fields::of_body(&call.body)?.end()?;
    let (service, token) = addressed(call)?;
    let switched = if on { service.enable(&actor, token).await } else { service.disable(&actor, token).await };
    changed(call, &switched.map_err(|error| conditional(call, error))?, None).await
}

/// The token that the path names.
pub(super) async fn find(call: &Call<'_>, actor: &Actor) -> Result<TokenRecord, Refused> {
    Ok(call.services.service.find(actor, named(call.variables.get("id"))?).await?)
}

/// Reads any of a token's ids; what is none is nobody's.
pub(super) fn named(id: &str) -> Result<TokenRef, Problem> {
    id.parse().map_err(|_| Problem::no_token())
}

/// The token that the path names, and the service that changes it as `If-Match` allows.
fn addressed(call: &Call<'_>) -> Result<(TokenService, TokenRef), Problem> {
    let service = &call.services.service;
    let service = match if_match(call)? {
        Some(any_of) => service.at_generation(&any_of),
        None => service.clone(),
    };
    Ok((service, named(call.variables.get("id"))?))
}

/// A conflict under `If-Match` is a condition that does not hold.
fn conditional(call: &Call<'_>, error: Error) -> Refused {
    match error {
        Error::Conflict if matches!(if_match(call), Ok(Some(_))) => stale().into(),
        error => error.into(),
    }
}

fn stale() -> Problem {
    let detail = "The token is not at the generation that If-Match names; read it again.";
    Problem::new(StatusCode::PRECONDITION_FAILED, "changed-meanwhile", "Changed meanwhile", detail)
}

/// Generations of which the token must be at one; `None` = any.
fn if_match(call: &Call<'_>) -> Result<Option<Vec<u64>>, Problem> {
    let mut any_of = None;
    for value in call.head.headers.get_all(IF_MATCH) {
        let bad = || {
            let detail = "If-Match must be * or entity tags such as \"7\".";
            Problem::new(StatusCode::BAD_REQUEST, "bad-request", "Bad request", detail)
        };
        match generations(value.to_str().map_err(|_| bad())?).ok_or_else(bad)? {
            Some(more) => any_of.get_or_insert_with(Vec::new).extend(more),
            None => return Ok(None),
        }
    }
    Ok(any_of)
}

/// Reads `If-Match` (RFC 9110 section 13.1.1): the outer `None` is no list of tags, the inner one `*`. Weak tags never match,
/// nor do tags that are no generation.
fn generations(text: &str) -> Option<Option<Vec<u64>>> {
    let mut rest = text.trim();
    if rest == "*" {
        return Some(None);
    }
    let mut found = Vec::new();
    loop {
        let weak = rest.starts_with("W/");
        let (tag, after) = rest.trim_start_matches("W/").strip_prefix('"')?.split_once('"')?;
        if let Some(generation) = tag.parse().ok().filter(|_| !weak) {
            found.push(generation);
        }
        rest = after.trim_start();
        if rest.is_empty() {
            return Some(Some(found));
        }
        rest = rest.strip_prefix(',')?.trim_start();
    }
}

/// An answer that shows a token.
async fn shown(call: &Call<'_>, record: &TokenRecord) -> Outcome {
    let last_used = call.services.service.last_use(record.id).await?;
    Ok(view(call, StatusCode::OK, record, last_used, None))
}

/// The answer to a change that is made: nothing may fail any more.
async fn changed(call: &Call<'_>, record: &TokenRecord, secret: Option<&PlainSecret>) -> Outcome {
    let last_used = call.services.service.last_use(record.id).await.unwrap_or_default();
    Ok(view(call, StatusCode::OK, record, last_used, secret))
}

fn made(call: &Call<'_>, record: &TokenRecord, secret: Option<&PlainSecret>) -> Reply {
    let mut reply = view(call, StatusCode::CREATED, record, None, secret);
    if let Ok(place) = HeaderValue::from_str(&format!("/admin/v1/tokens/{}", record.id)) {
        reply.headers_mut().insert(LOCATION, place);
    }
    reply
}

fn view(
    call: &Call<'_>,
    status: StatusCode,
    record: &TokenRecord,
    last_used: Option<LastUse>,
    secret: Option<&PlainSecret>,
) -> Reply {
    let directory = &call.services.service.policy().directory;
    let mut reply = json(status, &TokenView::of(record, directory, last_used, secret));
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", record.generation)) {
        reply.headers_mut().insert(ETAG, tag);
    }
    reply
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn entity_tags_are_read_as_the_standard_has_them() {
        for (text, expected) in [
            ("*", Some(None)),
            ("\"7\"", Some(Some(vec![7]))),
            (" \"7\" , \"8\"", Some(Some(vec![7, 8]))),
            ("W/\"7\"", Some(Some(vec![]))),
            ("\"x,y\", \"9\"", Some(Some(vec![9]))),
            ("\"\"", Some(Some(vec![]))),
            ("7", None),
            ("", None),
            ("\"7", None),
            ("\"7\" \"8\"", None),
            ("\"7\",", None),
        ] {
            assert_eq!(generations(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_header_breaks_the_reader(text in "\\PC{0,60}") {
            let _ = generations(&text);
        }
    }

    #[test]
    fn whatever_is_no_id_is_nobodys() {
        for text in ["", "nope", "7x", "\u{0}", "dt0c01.x", "99999999999999999999999999"] {
            assert!(named(text).is_err(), "{text}");
        }
        assert_eq!(named("7").expect("a serial"), TokenRef::Serial(7));
    }
}
