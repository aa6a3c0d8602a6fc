//! Tollgate's own API below `/admin/v1`: everything that can be done to tokens, in Tollgate's own words.

mod endpoints;
mod explain;
mod fields;
mod list;
mod merge;
mod tokens;
mod usage;
mod wire;

use http::header::WWW_AUTHENTICATE;
use http::{HeaderValue, StatusCode};

use self::endpoints::ENDPOINTS;
use crate::admin::dialect::{Answer, Call, Dialect, Fault, Refusal, Reply, json};
use crate::admin::endpoint::Endpoint;
use crate::admin::problem::{self, Problem};
use crate::admin::refused;
use crate::admin::spec::{Media, shape};
use crate::auth::{Denial, Source};

/// The dialect.
pub(super) struct Native;

impl Dialect for Native {
    fn name(&self) -> &'static str {
        "native"
    }

    fn prefixes(&self) -> &'static [&'static str] {
        &["/admin"]
    }

    fn endpoints(&self) -> &'static [Endpoint] {
        &ENDPOINTS
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::Bearer, Source::ApiToken]
    }

    fn refuse(&self, refusal: &Refusal<'_>) -> Reply {
        let scopes = refusal.endpoint.map(|endpoint| endpoint.scopes.join(" ")).unwrap_or_default();
        let mut problem = Problem::of(refusal.fault);
        let challenge = match refusal.fault {
            Fault::Unauthenticated => "Bearer".to_owned(),
            Fault::Denied(Denial::Ambiguous) => "Bearer error=\"invalid_request\"".to_owned(),
            Fault::Denied(Denial::Scope) => {
                problem = problem.detail(format!("The token is valid but lacks the scope {scopes}."));
                format!("Bearer error=\"insufficient_scope\", scope=\"{scopes}\"")
            }
            Fault::Denied(_) => "Bearer error=\"invalid_token\"".to_owned(),
            _ => return problem.reply(),
        };
        let mut reply = problem.reply();
        if let Ok(challenge) = HeaderValue::from_str(&challenge) {
            reply.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        reply
    }

    fn error_body(&self, _: u16) -> Media {
        Media { types: &[problem::MEDIA], schema: shape::<Problem> }
    }

    fn call<'c>(&'c self, call: Call<'c>) -> Answer<'c> {
        Box::pin(async move { serve(&call).await.or_else(|refused| refused.end(Problem::reply)) })
    }
}

type Refused = refused::Refused<Problem>;

/// What a handler returns.
type Outcome = Result<Reply, Refused>;

async fn serve(call: &Call<'_>) -> Outcome {
    match call.endpoint.operation {
        "listTokens" => list::list(call).await,
        "createToken" => tokens::create(call).await,
        "lookupToken" => tokens::lookup(call).await,
        "importToken" => tokens::import(call).await,
        "getToken" => tokens::get(call).await,
        "patchToken" => tokens::patch(call).await,
        "revokeToken" => tokens::revoke(call).await,
        "rotateToken" => tokens::rotate(call).await,
        "disableToken" => tokens::switch(call, false).await,
        "enableToken" => tokens::switch(call, true).await,
        "tokenActivity" => usage::activity(call).await,
        "tokenUsage" => usage::usage(call).await,
        "explain" => explain::explain(call).await,
        "fleet" => fleet(call).await,
        _ => Err(Fault::Internal.into()),
    }
}

async fn fleet(call: &Call<'_>) -> Outcome {
    let services = call.services;
    let members = services.ask(services.presence.members()).await?;
    let fleet = wire::Fleet::new(members, &services.instance, services.clock.now().wall);
    Ok(json(StatusCode::OK, &fleet))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_has_its_arm() {
        let source = include_str!("mod.rs");
        for endpoint in &ENDPOINTS {
            let arm = format!("\"{}\" =>", endpoint.operation);
            assert!(source.contains(&arm), "{} is not served", endpoint.operation);
        }
    }

    /// Names that a described body has, each with the value null.
    fn nulls<T: utoipa::ToSchema>() -> Vec<u8> {
        let schema = serde_json::to_value(T::schema()).expect("JSON");
        let names = schema["properties"].as_object().expect("an object").keys();
        let body: serde_json::Map<_, _> = names.map(|name| (name.clone(), serde_json::Value::Null)).collect();
        serde_json::to_vec(&body).expect("JSON")
    }

    #[test]
    fn what_is_described_is_read() {
        let known = |refused: Option<Problem>| {
            let told = refused.map(|problem| serde_json::to_string(&problem).expect("JSON")).unwrap_or_default();
            assert!(!told.contains("is not known here") && !told.contains("cannot be set here"), "{told}");
        };
        let mut fields = fields::Fields::of_body(&nulls::<wire::NewToken>()).expect("an object");
        tokens::draft(&mut fields);
        known(fields.end().err());
        known(merge::Merge::parse(&nulls::<wire::TokenPatch>()).err());
        known(explain::Request::parse(&nulls::<wire::Hypothetical>()).err());
    }
}
