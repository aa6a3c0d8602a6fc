//! Astra's refusals: numbered problems in RFC 9457's media type, with `status` as a text.

use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::admin::dialect::{Fault, Reply, challenged, json, typed};
use crate::admin::problem::MEDIA;
use crate::admin::refused::{self, Words};
use crate::admin::service::Error;
use crate::auth::Denial;

/// Start of the vendor's problem types, which a number follows.
const TYPES: &str = "https://astra.netapp.io/problems/";
/// Most characters of a caller's text that a refusal repeats.
const SHOWN: usize = 64;

/// A problem of the vendor's list, or one without number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// 0 = it has none, and the type is `about:blank`.
    number: u8,
    status: StatusCode,
    title: &'static str,
}

const fn kind(number: u8, status: StatusCode, title: &'static str) -> Kind {
    Kind { number, status, title }
}

const RESOURCE_NOT_FOUND: Kind = kind(1, StatusCode::NOT_FOUND, "Resource not found");
const COLLECTION_NOT_FOUND: Kind = kind(2, StatusCode::NOT_FOUND, "Collection not found");
const NO_BEARER: Kind = kind(3, StatusCode::UNAUTHORIZED, "Missing bearer token");
const BAD_BEARER: Kind = kind(4, StatusCode::UNAUTHORIZED, "Invalid bearer token");
const BAD_PARAMETERS: Kind = kind(5, StatusCode::BAD_REQUEST, "Invalid query parameters");
const FOREIGN_PARAMETERS: Kind = kind(6, StatusCode::BAD_REQUEST, "Query parameters not supported");
const NO_JSON: Kind = kind(7, StatusCode::BAD_REQUEST, "Invalid JSON payload");
const SCHEMA: Kind = kind(8, StatusCode::BAD_REQUEST, "Invalid JSON resource");
const BAD_FIELDS: Kind = kind(9, StatusCode::BAD_REQUEST, "Invalid JSON resource");
const CONFLICT: Kind = kind(10, StatusCode::CONFLICT, "JSON resource conflict");
const NOT_PERMITTED: Kind = kind(11, StatusCode::FORBIDDEN, "Operation not permitted");
const BAD_HEADERS: Kind = kind(12, StatusCode::BAD_REQUEST, "Invalid headers");
const NOT_ACCEPTABLE: Kind = kind(32, StatusCode::NOT_ACCEPTABLE, "Unsupported content type");
const INTERNAL: Kind = kind(34, StatusCode::INTERNAL_SERVER_ERROR, "Internal server error");
const PRECONDITION: Kind = kind(38, StatusCode::PRECONDITION_FAILED, "Precondition not met");
const NOT_READY: Kind = kind(41, StatusCode::SERVICE_UNAVAILABLE, "Service not ready");

/// What is wrong with one parameter or field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AstraBlame)]
pub(super) struct Blame {
    name: String,
    reason: String,
}

impl Blame {
    /// Of a parameter or field by name; a caller's own name is cut.
    pub(super) fn new(name: &str, reason: impl Into<String>) -> Self {
        Self { name: name.chars().take(SHOWN).collect(), reason: reason.into() }
    }

    /// Whether it speaks of this one.
    pub(super) fn is_of(&self, name: &str) -> bool {
        self.name == name
    }
}

/// A refusal in the vendor's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    kind: Kind,
    detail: String,
    params: Vec<Blame>,
    fields: Vec<Blame>,
    schema: Option<String>,
}

impl Problem {
    fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), params: Vec::new(), fields: Vec::new(), schema: None }
    }

    /// The path names a group that is not known or does not hold the user.
    pub(super) fn no_group() -> Self {
        Self::new(COLLECTION_NOT_FOUND, "The group is unknown or does not hold the user.")
    }

    /// Parameters of the query have values they cannot have.
    pub(super) fn parameters(params: Vec<Blame>) -> Self {
        let detail = "The query has parameters with values they cannot have.";
        Self { params, ..Self::new(BAD_PARAMETERS, detail) }
    }

    /// Parameters that the call does not have.
    pub(super) fn foreign_parameters(params: Vec<Blame>) -> Self {
        Self { params, ..Self::new(FOREIGN_PARAMETERS, "The call does not have these query parameters.") }
    }

    /// The body is no JSON; `cause` holds none of its text.
    pub(super) fn no_json(cause: impl Into<String>) -> Self {
        Self::new(NO_JSON, format!("The request body is not JSON: {}.", cause.into()))
    }

    /// The body breaks the schema.
    pub(super) fn schema(failure: impl Into<String>) -> Self {
        let detail = "The request body does not follow the schema of a token.";
        Self { schema: Some(failure.into()), ..Self::new(SCHEMA, detail) }
    }

    /// A field's value is refused although its type is right.
    pub(super) fn field(name: &str, reason: impl Into<String>) -> Self {
        let detail = "A field of the request body has a value that is not allowed.";
        Self { fields: vec![Blame::new(name, reason)], ..Self::new(BAD_FIELDS, detail) }
    }

    /// A field contradicts what is there.
    pub(super) fn conflict(name: &str, reason: impl Into<String>) -> Self {
        let detail = "A field of the request body contradicts the token or its place.";
        Self { fields: vec![Blame::new(name, reason)], ..Self::new(CONFLICT, detail) }
    }

    /// The caller lacks a right; says which.
    pub(super) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(NOT_PERMITTED, detail)
    }

    /// A header has a value it cannot have.
    pub(super) fn header(name: &str, reason: impl Into<String>) -> Self {
        let params = vec![Blame::new(name, reason)];
        Self { params, ..Self::new(BAD_HEADERS, "A request header has a value it cannot have.") }
    }

    /// No media type that the caller accepts is spoken here.
    pub(super) fn not_acceptable(spoken: &str) -> Self {
        Self::new(NOT_ACCEPTABLE, format!("The Accept header allows none of the types spoken here: {spoken}."))
    }

    /// The token has changed since the caller read it.
    pub(super) fn precondition() -> Self {
        Self::new(PRECONDITION, "The token is not in the state that the request asks for; read it again.")
    }

    /// A refusal that the plane or the store made. `changes` = the operation answers an unknown place with problem 1.
    pub(super) fn of_fault(fault: &Fault, changes: bool) -> Self {
        match fault {
            Fault::NotFound if changes => Self::new(RESOURCE_NOT_FOUND, "There is no such token."),
            Fault::NotFound => Self::new(COLLECTION_NOT_FOUND, "Nothing is at this address."),
            Fault::Unauthenticated => Self::new(NO_BEARER, "Send the token as 'Authorization: Bearer <token>'."),
            Fault::Denied(Denial::Scope) => Self::forbidden("The token may not make this call."),
            Fault::Denied(_) => Self::new(BAD_BEARER, "The bearer token is invalid, unknown or no longer valid."),
            Fault::StoreAway => {
                Self::new(NOT_READY, "The call cannot be served right now. Retry-After tells when to come back.")
            }
            Fault::Internal => Self::new(INTERNAL, "The call failed."),
            Fault::BadRequest(detail) => Self::blank(fault, detail),
            Fault::BodyTimeout => Self::blank(fault, "The request body stopped coming."),
            Fault::BodyTooLarge => Self::blank(fault, "The request body is too long."),
            Fault::Method(_) => Self::blank(fault, "The address is served for the methods in Allow only."),
            Fault::Limited(_) | Fault::Throttled(_) => {
                Self::blank(fault, "Calls come too often. Retry-After tells when to come back.")
            }
        }
    }

    /// A refusal that the vendor's list has no number for.
    fn blank(fault: &Fault, detail: &str) -> Self {
        let status = fault.status();
        Self::new(kind(0, status, status.canonical_reason().unwrap_or("Refused")), detail)
    }

    /// The answer. `id` is the request's.
    pub(super) fn reply(&self, id: &str) -> Reply {
        let Kind { number, status, title } = self.kind;
        let body = ProblemOutput {
            link: if number == 0 { "about:blank".to_owned() } else { format!("{TYPES}{number}") },
            title: title.to_owned(),
            detail: self.detail.clone(),
            status: status.as_u16().to_string(),
            correlation: id.to_owned(),
            params: self.params.clone(),
            fields: self.fields.clone(),
            schema: self.schema.clone(),
        };
        challenged(typed(json(status, &body), MEDIA), "Bearer")
    }
}

pub(super) type Refused = refused::Refused<Problem>;

impl Words for Problem {
    fn refused(error: Error) -> Refused {
        Refused::from(match error {
            Error::NotFound => return Refused::Fault(Fault::NotFound),
            Error::Invalid { field, message } if field.starts_with("labels") => {
                Self::field(&format!("metadata.{field}"), message)
            }
            Error::Invalid { field, message } => Self::field(&field, message),
            Error::Forbidden(detail) => Self::forbidden(detail),
            Error::Clash(reason) => Self::conflict("userID", reason),
            other => Self::conflict("id", other.to_string()),
        })
    }
}

/// The vendor's error body.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AstraProblem)]
pub(super) struct ProblemOutput {
    #[serde(rename = "type")]
    link: String,
    title: String,
    detail: String,
    status: String,
    #[serde(rename = "correlationID")]
    correlation: String,
    #[serde(rename = "invalidParams", skip_serializing_if = "Vec::is_empty")]
    params: Vec<Blame>,
    #[serde(rename = "invalidFields", skip_serializing_if = "Vec::is_empty")]
    fields: Vec<Blame>,
    #[serde(rename = "schemaValidationFailure", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    schema: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::CONTENT_TYPE;

    fn told(problem: &Problem) -> (u16, serde_json::Value) {
        let reply = problem.reply("00000000-0000-0000-0000-000000000000");
        assert_eq!(reply.headers()[CONTENT_TYPE], MEDIA);
        (reply.status().as_u16(), serde_json::from_slice(reply.body()).expect("JSON"))
    }

    #[test]
    fn the_status_is_a_text_and_numbers_follow_the_list() {
        let wait = std::time::Duration::from_secs(1);
        let rows = [
            (Problem::of_fault(&Fault::NotFound, true), 404, "https://astra.netapp.io/problems/1"),
            (Problem::of_fault(&Fault::NotFound, false), 404, "https://astra.netapp.io/problems/2"),
            (Problem::of_fault(&Fault::Unauthenticated, false), 401, "https://astra.netapp.io/problems/3"),
            (Problem::of_fault(&Fault::Denied(Denial::Disabled), false), 401, "https://astra.netapp.io/problems/4"),
            (Problem::of_fault(&Fault::Denied(Denial::Scope), false), 403, "https://astra.netapp.io/problems/11"),
            (Problem::of_fault(&Fault::Internal, false), 500, "https://astra.netapp.io/problems/34"),
            (Problem::of_fault(&Fault::StoreAway, true), 503, "https://astra.netapp.io/problems/41"),
            (Problem::of_fault(&Fault::Method("GET".into()), false), 405, "about:blank"),
            (Problem::of_fault(&Fault::BodyTooLarge, false), 413, "about:blank"),
            (Problem::of_fault(&Fault::Throttled(wait), false), 429, "about:blank"),
            (Problem::precondition(), 412, "https://astra.netapp.io/problems/38"),
        ];
        for (problem, status, link) in rows {
            let (code, body) = told(&problem);
            assert_eq!((code, &body["type"]), (status, &serde_json::json!(link)));
            assert_eq!(body["status"], serde_json::json!(status.to_string()));
            assert!(["title", "detail", "correlationID"].iter().all(|name| body[name].is_string()), "{body}");
        }
    }

    #[test]
    fn only_what_a_problem_has_is_sent() {
        let (_, body) = told(&Problem::schema("name: missing"));
        assert_eq!(body["schemaValidationFailure"], "name: missing");
        assert!(body.get("invalidParams").is_none() && body.get("invalidFields").is_none());
        let (_, body) = told(&Problem::field("name", "odd"));
        assert_eq!(body["invalidFields"], serde_json::json!([{"name": "name", "reason": "odd"}]));
        let long = "x".repeat(1000);
        let (_, body) = told(&Problem::foreign_parameters(vec![Blame::new(&long, "none")]));
        assert_eq!(body["invalidParams"][0]["name"], long[..64]);
    }
}
