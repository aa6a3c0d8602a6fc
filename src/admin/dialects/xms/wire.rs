//! XMS's JSON. Strictly generated clients refuse members beyond these.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::admin::request::{self, NoObject};
use crate::clock::Timestamp;
use crate::token::{Bundles, LastUse, OwnerDirectory, TokenRecord};

/// Scopes that are shown as roles begin with it, and are bundles of the configuration.
pub(super) const ROLE: &str = "xms.role.";
/// Longest name, in characters.
const NAME_CHARS: usize = 255;
/// Longest description, in characters.
const DESCRIPTION_CHARS: usize = 1024;

/// A token.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = XmsAccessToken)]
pub(super) struct AccessToken {
    pub(super) id: u64,
    name: String,
    description: String,
    pub(super) roles: Vec<String>,
    user: User,
    #[schema(format = DateTime)]
    create: String,
    #[schema(format = DateTime)]
    update: String,
    /// Has been used since it was made or regenerated.
    used: bool,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = XmsAccessTokenUser)]
struct User {
    id: u64,
    name: String,
}

impl AccessToken {
    pub(super) fn new(record: &TokenRecord, directory: &OwnerDirectory, bundles: &Bundles) -> Self {
        Self {
            id: record.serial,
            name: record.name.clone(),
            description: record.description.clone(),
            roles: roles(record, bundles).map(str::to_owned).collect(),
            user: User { id: directory.ids(&record.owner).number, name: record.owner.name.clone() },
            create: record.created_at.to_string(),
            update: record.updated_at.to_string(),
            used: false,
        }
    }

    /// Notes when it was last used. A secret can be used no sooner than the millisecond after it was made: the use in the
    /// very millisecond is that of the old secret, which asked for the new one.
    pub(super) fn used(mut self, last: Option<LastUse>, secret_made_at: Timestamp) -> Self {
        self.used = last.is_some_and(|last| last.at > secret_made_at);
        self
    }

    /// Bytes it takes, or a little more.
    pub(super) fn weight(&self) -> usize {
        let texts = self.roles.iter().chain([&self.name, &self.description, &self.user.name]);
        256 + texts.map(|text| text.len() + 24).sum::<usize>()
    }
}

#[cfg(test)]
impl AccessToken {
    /// One with this number and nothing else.
    pub(super) fn numbered(id: u64) -> Self {
        let none = String::new;
        let user = User { id: 0, name: none() };
        let (roles, used) = (Vec::new(), false);
        Self { id, name: none(), description: none(), roles, user, create: none(), update: none(), used }
    }
}

/// The roles of a token, in the order of its scopes.
pub(super) fn roles<'r>(record: &'r TokenRecord, bundles: &Bundles) -> impl Iterator<Item = &'r str> {
    let bundled = record.scopes.iter().filter(|scope| bundles.contains(scope.as_str()));
    bundled.filter_map(|scope| scope.as_str().strip_prefix(ROLE))
}

/// When the secret that counts was made.
pub(super) fn secret_made_at(record: &TokenRecord) -> Timestamp {
    record.secrets.first().map_or(record.created_at, |slot| slot.created_at)
}

/// One token.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = XmsAccessTokenResp)]
pub(super) struct AccessTokenResp {
    pub(super) access_token: AccessToken,
}

/// A token with its secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = XmsAccessTokenCreateResp)]
pub(super) struct CreateResp<'s> {
    pub(super) access_token: Created<'s>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = XmsAccessTokenWithUuid)]
pub(super) struct Created<'s> {
    #[serde(flatten)]
    pub(super) record: AccessToken,
    /// The secret: 32 hexadecimal digits in lower case.
    #[schema(pattern = "^[0-9a-f]{32}$")]
    pub(super) uuid: &'s str,
}

impl std::fmt::Debug for Created<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Created").field("record", &self.record).finish_non_exhaustive()
    }
}

/// Tokens.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = XmsAccessTokensResp)]
pub(super) struct AccessTokens {
    pub(super) access_tokens: Vec<AccessToken>,
    /// Only with `xms.emit_paging`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) paging: Option<Paging>,
}

/// Where in the whole list an answer lies.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = XmsPaging)]
pub(super) struct Paging {
    /// Tokens in this answer.
    pub(super) count: u64,
    /// As asked; 0 where nothing was asked.
    pub(super) limit: u64,
    pub(super) offset: u64,
    /// Tokens that the filters let through.
    pub(super) total_count: u64,
}

/// A request to make a token.
#[derive(Debug, PartialEq, Eq, ToSchema)]
#[schema(as = XmsAccessTokenCreateReq)]
pub(super) struct CreateReq {
    pub(super) access_token: NewToken,
}

/// The token to make.
#[derive(Debug, PartialEq, Eq, ToSchema)]
#[schema(as = XmsAccessTokenCreateReqAccessToken)]
pub(super) struct NewToken {
    /// Not blank, without control characters.
    #[schema(min_length = 1, max_length = 255)]
    pub(super) name: String,
    /// Roles of the configuration.
    #[schema(min_items = 1)]
    pub(super) roles: Vec<String>,
    /// Without control characters.
    #[schema(max_length = 1024)]
    pub(super) description: Option<String>,
}

/// A request to rename a token.
#[derive(Debug, PartialEq, Eq, ToSchema)]
#[schema(as = XmsAccessTokenUpdateReq)]
pub(super) struct UpdateReq {
    /// Without it nothing changes.
    #[schema(nullable = false)]
    pub(super) access_token: Option<Rename>,
}

/// The new name.
#[derive(Debug, PartialEq, Eq, ToSchema)]
#[schema(as = XmsAccessTokenUpdateReqAccessToken)]
pub(super) struct Rename {
    /// Not blank, without control characters.
    #[schema(min_length = 1, max_length = 255)]
    pub(super) name: String,
}

impl CreateReq {
    /// Reads a body; unknown members are ignored.
    ///
    /// # Errors
    /// What is wrong, for the caller.
    pub(super) fn parse(body: &[u8]) -> Result<Self, String> {
        let Some(Value::Object(token)) = object(body)?.remove("access_token") else {
            return Err("access_token: an object with name and roles is needed".to_owned());
        };
        let description = match token.get("description") {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(_) => return Err("access_token.description: must be a text".to_owned()),
        };
        plain("access_token.description", description.as_deref().unwrap_or_default(), DESCRIPTION_CHARS)?;
        let wrong = || "access_token.roles: a list of at least one role is needed".to_owned();
        let Some(Value::Array(given)) = token.get("roles") else { return Err(wrong()) };
        let mut roles: Vec<String> = Vec::with_capacity(given.len());
        for role in given {
            let role = role.as_str().ok_or_else(|| "access_token.roles: each role must be a text".to_owned())?;
            if !roles.iter().any(|known| known == role) {
                roles.push(role.to_owned());
            }
        }
        if roles.is_empty() {
            return Err(wrong());
        }
        Ok(Self { access_token: NewToken { name: name(&token)?, roles, description } })
    }
}

impl UpdateReq {
    /// Reads a body; no body and an object without `access_token` change nothing, unknown members are ignored.
    ///
    /// # Errors
    /// What is wrong, for the caller.
    pub(super) fn parse(body: &[u8]) -> Result<Self, String> {
        if body.trim_ascii().is_empty() {
            return Ok(Self { access_token: None });
        }
        match object(body)?.remove("access_token") {
            None => Ok(Self { access_token: None }),
            Some(Value::Object(token)) => Ok(Self { access_token: Some(Rename { name: name(&token)? }) }),
            Some(_) => Err("access_token: must be an object with a name".to_owned()),
        }
    }
}

fn object(body: &[u8]) -> Result<Map<String, Value>, String> {
    request::object(body).map_err(|wrong| match wrong {
        NoObject::Kind => "the body must be a JSON object".to_owned(),
        NoObject::Syntax { line, column } => format!("the body is no JSON (line {line}, column {column})"),
    })
}

fn name(token: &Map<String, Value>) -> Result<String, String> {
    match token.get("name") {
        Some(Value::String(text)) if !text.trim().is_empty() => {
            plain("access_token.name", text, NAME_CHARS)?;
            Ok(text.clone())
        }
        Some(Value::String(_)) => Err("access_token.name: must not be blank".to_owned()),
        _ => Err("access_token.name: a text is needed".to_owned()),
    }
}

fn plain(field: &str, text: &str, most: usize) -> Result<(), String> {
    let count = text.chars().count();
    if count > most {
        return Err(format!("{field}: has {count} characters; at most {most} are allowed"));
    }
    match text.chars().any(char::is_control) {
        true => Err(format!("{field}: holds a control character")),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bodies_are_read_and_their_faults_named() {
        let read = |text: &str| CreateReq::parse(text.as_bytes()).map(|body| body.access_token);
        let made = read(r#"{"x":1,"access_token":{"name":"ä b","roles":["viewer","admin","viewer"],"y":[]}}"#);
        let roles = vec!["viewer".to_owned(), "admin".to_owned()];
        assert_eq!(made, Ok(NewToken { name: "ä b".to_owned(), roles, description: None }));
        for (text, told) in [
            ("", "the body is no JSON (line 1, column 0)"),
            ("[]", "the body must be a JSON object"),
            ("\u{feff}{}", "the body is no JSON (line 1, column 1)"),
            ("{}", "access_token: an object with name and roles is needed"),
            (r#"{"access_token":{"name":"a"}}"#, "access_token.roles: a list of at least one role is needed"),
            (
                r#"{"access_token":{"name":"a","roles":[]}}"#,
                "access_token.roles: a list of at least one role is needed",
            ),
            (r#"{"access_token":{"name":"a","roles":[7]}}"#, "access_token.roles: each role must be a text"),
            (r#"{"access_token":{"roles":["a"]}}"#, "access_token.name: a text is needed"),
            (r#"{"access_token":{"roles":["a"],"name":" \t"}}"#, "access_token.name: must not be blank"),
            (r#"{"access_token":{"roles":["a"],"name":"a\u0000"}}"#, "access_token.name: holds a control character"),
            (
                r#"{"access_token":{"roles":["a"],"name":"a","description":7}}"#,
                "access_token.description: must be a text",
            ),
        ] {
            assert_eq!(read(text), Err(told.to_owned()), "{text}");
        }
        assert!(CreateReq::parse(b"{\"access_token\":{\"name\":\"\xff\",\"roles\":[\"a\"]}}").is_err());
        let long = |name: usize, description: usize| {
            let (name, description) = ("ä".repeat(name), "ö".repeat(description));
            read(
                &serde_json::json!({"access_token": {"name": name, "roles": ["a"], "description": description}})
                    .to_string(),
            )
        };
        assert!(long(255, 1024).is_ok());
        assert!(
            long(256, 0).is_err_and(|told| told == "access_token.name: has 256 characters; at most 255 are allowed")
        );
        assert!(long(1, 1025).is_err());
    }

    #[test]
    fn an_update_without_a_token_changes_nothing() {
        let none = Ok(UpdateReq { access_token: None });
        for text in ["", " \n", "{}", r#"{"name":"x"}"#] {
            assert_eq!(UpdateReq::parse(text.as_bytes()), none, "{text}");
        }
        let renamed = UpdateReq { access_token: Some(Rename { name: "x".to_owned() }) };
        assert_eq!(UpdateReq::parse(br#"{"access_token":{"name":"x","roles":7}}"#), Ok(renamed));
        for text in ["null", r#"{"access_token":null}"#, r#"{"access_token":{}}"#, r#"{"access_token":{"name":null}}"#]
        {
            assert!(UpdateReq::parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn paging_is_no_member_unless_asked_for() {
        let answer = |paging| serde_json::to_string(&AccessTokens { access_tokens: Vec::new(), paging }).expect("JSON");
        assert_eq!(answer(None), r#"{"access_tokens":[]}"#);
        let paging = Paging { count: 0, limit: 5, offset: 7, total_count: 3 };
        assert_eq!(
            answer(Some(paging)),
            r#"{"access_tokens":[],"paging":{"count":0,"limit":5,"offset":7,"total_count":3}}"#
        );
    }

    proptest! {
        #[test]
        fn no_body_breaks_the_parsers(body in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = CreateReq::parse(&body);
            let _ = UpdateReq::parse(&body);
        }

        #[test]
        fn what_is_taken_holds_its_bounds(
            name in any::<Option<String>>(), roles in proptest::collection::vec(".{0,3}", 0..4), description in any::<Option<String>>(),
        ) {
            let body = serde_json::json!({"access_token": {"name": name, "roles": roles, "description": description}});
            if let Ok(CreateReq { access_token: taken }) = CreateReq::parse(body.to_string().as_bytes()) {
                prop_assert_eq!(Some(&taken.name), name.as_ref());
                prop_assert_eq!(&taken.description, &description);
                prop_assert!(!taken.name.trim().is_empty() && !taken.name.chars().any(char::is_control));
                prop_assert!(!taken.roles.is_empty() && roles.iter().all(|role| taken.roles.contains(role)));
            }
        }
    }
}
