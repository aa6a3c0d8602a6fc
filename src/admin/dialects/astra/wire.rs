//! Astra's JSON: tokens as they are sent, and bodies as they are read.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::errors::Problem;
use crate::token::{Owner, OwnerDirectory, TokenRecord};

/// The `type` of a token.
pub(super) const TOKEN: &str = "application/astra-token";
/// The `type` of a list.
const TOKENS: &str = "application/astra-tokens";
const VERSION: &str = "1.0";
/// Longest name, in characters.
const NAME_CHARS: usize = 63;
/// What the metadata of a body may hold beside the labels; it is not taken over.
const TIMES: [&str; 2] = ["creationTimestamp", "modificationTimestamp"];
const USERS: [&str; 2] = ["createdBy", "modifiedBy"];

/// An id as Astra's clients write it: a UUID of version 4 or 5 in lower case, or the nil UUID.
pub(super) fn identifier(text: &str) -> Option<uuid::Uuid> {
    let id = uuid::Uuid::try_parse(text).ok()?;
    let known = id.is_nil() || (matches!(id.get_version_num(), 4 | 5) && id.get_variant() == uuid::Variant::RFC4122);
    let mut spelt = [0; 36];
    (known && id.hyphenated().encode_lower(&mut spelt) == text).then_some(id)
}

/// What can be asked for, compared and sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// `type`
    Type,
    /// `version`
    Version,
    /// `id`
    Id,
    /// `name`
    Name,
    /// `userID`
    User,
    /// `metadata`, compared as its JSON.
    Metadata,
    /// `metadata.creationTimestamp`
    Created,
    /// `metadata.modificationTimestamp`
    Modified,
    /// `metadata.createdBy`
    CreatedBy,
}

impl Field {
    /// All of them.
    pub(super) const ALL: [Self; 9] = [
        Self::Type,
        Self::Version,
        Self::Id,
        Self::Name,
        Self::User,
        Self::Metadata,
        Self::Created,
        Self::Modified,
        Self::CreatedBy,
    ];

    /// As the vendor spells it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Version => "version",
            Self::Id => "id",
            Self::Name => "name",
            Self::User => "userID",
            Self::Metadata => "metadata",
            Self::Created => "metadata.creationTimestamp",
            Self::Modified => "metadata.modificationTimestamp",
            Self::CreatedBy => "metadata.createdBy",
        }
    }

    /// The field of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }

    /// Whether an item has it as a member of its own.
    pub(super) fn is_member(self) -> bool {
        !matches!(self, Self::Created | Self::Modified | Self::CreatedBy)
    }
}

/// A token without its secret.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = AstraToken)]
pub(super) struct TokenOutput {
    #[serde(rename = "type")]
    kind: &'static str,
    version: &'static str,
    pub(super) id: String,
    name: String,
    #[serde(rename = "userID")]
    user: String,
    metadata: TokenMetadata,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = AstraTokenMetadata)]
struct TokenMetadata {
    labels: Vec<Label>,
    #[serde(rename = "creationTimestamp")]
    created: String,
    #[serde(rename = "modificationTimestamp")]
    modified: String,
    #[serde(rename = "createdBy")]
    created_by: String,
    #[serde(rename = "modifiedBy", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    modified_by: Option<String>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = AstraLabel)]
struct Label {
    name: String,
    value: String,
}

impl TokenOutput {
    /// As the directory names its people: who made or changed a token is taken for a user of the token's account.
    pub(super) fn new(record: &TokenRecord, directory: &OwnerDirectory) -> Self {
        let user = |name: &str| directory.ids(&Owner::new(&*record.owner.account, name)).uuid.to_string();
        let labels = record.labels.iter().map(|(name, value)| Label { name: name.clone(), value: value.clone() });
        Self {
            kind: TOKEN,
            version: VERSION,
            id: record.id.to_string(),
            name: record.name.clone(),
            user: user(&record.owner.name),
            metadata: TokenMetadata {
                labels: labels.collect(),
                created: record.created_at.to_string(),
                modified: record.updated_at.to_string(),
                created_by: user(&record.created_by),
                modified_by: (record.generation > 0).then(|| user(&record.modified_by)),
            },
        }
    }

    /// A field as it is compared.
    pub(super) fn text(&self, field: Field) -> Cow<'_, str> {
        match field {
            Field::Type => self.kind.into(),
            Field::Version => self.version.into(),
            Field::Id => (&self.id).into(),
            Field::Name => (&self.name).into(),
            Field::User => (&self.user).into(),
            Field::Metadata => json!(self.metadata).to_string().into(),
            Field::Created => (&self.metadata.created).into(),
            Field::Modified => (&self.metadata.modified).into(),
            Field::CreatedBy => (&self.metadata.created_by).into(),
        }
    }

    /// A member as it is sent alone.
    pub(super) fn value(&self, field: Field) -> Value {
        match field {
            Field::Metadata => json!(self.metadata),
            field => json!(self.text(field)),
        }
    }
}

/// A token that was made just now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AstraNewToken)]
pub(super) struct NewTokenOutput<'s> {
    #[serde(flatten)]
    pub(super) token: TokenOutput,
    /// The secret, in this answer only.
    #[serde(rename = "token")]
    pub(super) secret: &'s str,
}

/// A list of tokens.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AstraTokens)]
pub(super) struct ListOutput {
    #[serde(rename = "type")]
    kind: &'static str,
    version: &'static str,
    items: Vec<Item>,
    metadata: ListMetadata,
}

/// One token of a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AstraItem)]
#[serde(untagged)]
pub(super) enum Item {
    /// As it is.
    Whole(TokenOutput),
    /// The values asked for.
    Values(Vec<Value>),
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AstraTokensMetadata)]
struct ListMetadata {
    labels: Vec<Label>,
    #[serde(rename = "creationTimestamp")]
    created: String,
    #[serde(rename = "modificationTimestamp")]
    modified: String,
    #[serde(rename = "createdBy")]
    created_by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    count: Option<usize>,
    #[serde(rename = "continue", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<String>,
}

impl ListOutput {
    /// A list made at `now` for `caller`.
    pub(super) fn new(
        items: Vec<Item>,
        count: Option<usize>,
        next: Option<String>,
        caller: uuid::Uuid,
        now: crate::clock::Timestamp,
    ) -> Self {
        let (created, modified, created_by) = (now.to_string(), now.to_string(), caller.to_string());
        let metadata = ListMetadata { labels: Vec::new(), created, modified, created_by, count, next };
        Self { kind: TOKENS, version: VERSION, items, metadata }
    }
}

/// What a body says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Input {
    /// An id, which must be the token's.
    pub(super) id: Option<String>,
    /// A user, which must be that of the path.
    pub(super) user: Option<String>,
    /// The name.
    pub(super) name: Option<String>,
    /// The labels.
    pub(super) labels: Option<BTreeMap<String, String>>,
}

impl Input {
    /// Reads a body. `present` = the name that the token has, which is accepted back whatever it is; `None` for a new token.
    ///
    /// # Errors
    /// The body is no JSON, breaks the schema, or names the token in a way that is refused.
    pub(super) fn read(body: &[u8], present: Option<&str>) -> Result<Self, Problem> {
        let value: Value = serde_json::from_slice(body).map_err(|error| Problem::no_json(error.to_string()))?;
        let Value::Object(members) = value else { return Err(Problem::schema("the body must be an object")) };
        let mut input = Self::default();
        for (name, value) in &members {
            match (name.as_str(), present) {
                ("type", _) => constant("type", value, TOKEN)?,
                ("version", _) => constant("version", value, VERSION)?,
                ("name", _) => input.name = Some(name_of(value, present)?),
                ("metadata", _) => input.labels = metadata(value)?,
                ("id", Some(_)) => input.id = Some(id_of("id", value)?),
                ("userID", Some(_)) => input.user = Some(id_of("userID", value)?),
                (other, _) => {
                    let other = other.chars().take(64).collect::<String>();
                    return Err(Problem::schema(format!("{other:?} is not allowed here")));
                }
            }
        }
        let required: &[&str] = if present.is_some() { &["type", "version"] } else { &["type", "version", "name"] };
        if let Some(missing) = required.iter().find(|name| !members.contains_key(**name)) {
            return Err(Problem::schema(format!("{missing} is missing")));
        }
        match &input.name {
            Some(name) if present != Some(name) => allowed(name)?,
            _ => {}
        }
        Ok(input)
    }
}

fn text<'v>(at: &str, value: &'v Value) -> Result<&'v str, Problem> {
    value.as_str().ok_or_else(|| Problem::schema(format!("{at} must be a string")))
}

fn object<'v>(at: &str, value: &'v Value) -> Result<&'v Map<String, Value>, Problem> {
    value.as_object().ok_or_else(|| Problem::schema(format!("{at} must be an object")))
}

fn constant(at: &str, value: &Value, only: &str) -> Result<(), Problem> {
    match value.as_str() == Some(only) {
        true => Ok(()),
        false => Err(Problem::schema(format!("{at} must be the string {only:?}"))),
    }
}

fn id_of(at: &str, value: &Value) -> Result<String, Problem> {
    let id = text(at, value)?;
    let wrong = || Problem::schema(format!("{at} must be a UUID of version 4 or 5 in lower case"));
    identifier(id).map(|_| id.to_owned()).ok_or_else(wrong)
}

fn name_of(value: &Value, present: Option<&str>) -> Result<String, Problem> {
    let name = text("name", value)?;
    let count = name.chars().count();
    if present != Some(name) && !(1..=NAME_CHARS).contains(&count) {
        let message = format!("name has {count} characters; 1 to {NAME_CHARS} are allowed");
        return Err(Problem::schema(message));
    }
    Ok(name.to_owned())
}

/// Refuses names that could be a script, a path or a piece of SQL somewhere else.
fn allowed(name: &str) -> Result<(), Problem> {
    let odd = |c: char| !matches!(c, ' '..='~') || matches!(c, '<' | '>' | ';' | '\'' | '"' | '\\' | '`');
    match name.contains(odd) || name.contains("../") {
        true => Err(Problem::field("name", "must be printable ASCII without < > ; ' \" \\ ` and without ../")),
        false => Ok(()),
    }
}

/// The labels, where there are any; the rest is checked and left.
fn metadata(value: &Value) -> Result<Option<BTreeMap<String, String>>, Problem> {
    let mut labels = None;
    for (name, value) in object("metadata", value)? {
        let at = format!("metadata.{}", name.chars().take(64).collect::<String>());
        match name.as_str() {
            "labels" => labels = Some(labels_of(value)?),
            name if TIMES.contains(&name) => {
                let time = text(&at, value)?;
                // The vendor's form is RFC 3339 in UTC, written with Z.
                if !time.ends_with('Z') || crate::clock::Timestamp::parse_rfc3339(time).is_err() {
                    return Err(Problem::schema(format!("{at} must be a date such as 2031-02-03T04:05:06Z")));
                }
            }
            name if USERS.contains(&name) => drop(id_of(&at, value)?),
            _ => return Err(Problem::schema(format!("{at:?} is not allowed here"))),
        }
    }
    Ok(labels)
}

fn labels_of(value: &Value) -> Result<BTreeMap<String, String>, Problem> {
    let list = value.as_array().ok_or_else(|| Problem::schema("metadata.labels must be an array"))?;
    let mut labels = BTreeMap::new();
    for (number, label) in list.iter().enumerate() {
        let at = format!("metadata.labels[{number}]");
        let members = object(&at, label)?;
        let member = |name: &str| {
            let value = members.get(name).ok_or_else(|| Problem::schema(format!("{at}.{name} is missing")))?;
            text(&format!("{at}.{name}"), value)
        };
        let (name, value) = (member("name")?, member("value")?);
        if members.len() > 2 {
            return Err(Problem::schema(format!("{at} has members other than name and value")));
        }
        if labels.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(Problem::schema(format!("{at} has the name of an earlier label")));
        }
    }
    Ok(labels)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::token::{Form, Status, TokenId};
    use proptest::prelude::*;

    /// A token of mira's that was never changed.
    pub(in super::super) fn sample(name: &str, serial: u64) -> TokenRecord {
        let at = Timestamp::from_millis(1_900_000_000_000);
        TokenRecord {
            id: TokenId::random(7, at),
            serial,
            generation: 0,
            name: name.to_owned(),
            description: String::new(),
            owner: Owner::new("acme", "mira"),
            scopes: Vec::new(),
            status: Status::Enabled,
            created_at: at,
            updated_at: at,
            expires_at: None,
            created_by: "mira".to_owned(),
            made_with: None,
            modified_by: "tom".to_owned(),
            labels: BTreeMap::from([("team".to_owned(), "build".to_owned())]),
            metadata: Map::new(),
            personal: false,
            plan: "default".to_owned(),
            region: String::new(),
            networks: Vec::new(),
            form: Form::Astra,
            secrets: Vec::new(),
        }
    }

    /// The problem's number, or the name that was read.
    fn read(body: &str, present: Option<&str>) -> String {
        match Input::read(body.as_bytes(), present) {
            Ok(input) => input.name.unwrap_or_default(),
            Err(problem) => {
                let body: Value = serde_json::from_slice(problem.reply("id").body()).expect("JSON");
                body["type"].as_str().expect("a type").rsplit('/').next().expect("a number").to_owned()
            }
        }
    }

    fn with(members: &str) -> String {
        format!(r#"{{"type": "application/astra-token", "version": "1.0"{members}}}"#)
    }

    #[test]
    fn bodies_are_read_or_told_apart() {
        let id = "0b0e6c1e-5d0b-4a55-9c1b-6a2f6f7f3a10";
        let rows = [
            ("", "7"),
            ("{", "7"),
            ("[]", "8"),
            (&with(""), "8"),
            (&with(r#", "name": "a b-c_(1)""#), "a b-c_(1)"),
            (&with(&format!(r#", "name": "{}""#, "x".repeat(64))), "8"),
            (&with(r#", "name": """#), "8"),
            (&with(r#", "name": null"#), "8"),
            (&with(r#", "name": "<b>""#), "9"),
            (&with(r#", "name": "a/../b""#), "9"),
            (&with(r#", "name": "caf\u00e9""#), "9"),
            (&with(r#", "name": "a\tb""#), "9"),
            (&with(r#", "name": "x", "extra": 1"#), "8"),
            (&with(r#", "name": "x", "token": "eHh4""#), "8"),
            (&with(&format!(r#", "name": "x", "id": "{id}""#)), "8"),
            (&with(r#", "name": "x", "metadata": null"#), "8"),
            (&with(r#", "name": "x", "metadata": {"colour": "red"}"#), "8"),
            (&with(r#", "name": "x", "metadata": {"createdBy": "me"}"#), "8"),
            (&with(r#", "name": "x", "metadata": {"creationTimestamp": "2001-01-01T00:00:00+01:00"}"#), "8"),
            (&with(r#", "name": "x", "metadata": {"labels": [{"name": "a", "value": "1", "x": 1}]}"#), "8"),
            (
                &with(
                    r#", "name": "x", "metadata": {"labels": [{"name": "a", "value": "1"}, {"name": "a", "value": "2"}]}"#,
                ),
                "8",
            ),
            (
                &with(
                    r#", "name": "x", "metadata": {"labels": [], "modificationTimestamp": "2001-01-01T00:00:00.123456789Z"}"#,
                ),
                "x",
            ),
            (r#"{"type": "application/astra-token", "version": 1.0, "name": "x"}"#, "8"),
            (r#"{"type": "application/astra-user", "version": "1.0", "name": "x"}"#, "8"),
            (r#"{"version": "1.0", "name": "x"}"#, "8"),
        ];
        for (body, expected) in rows {
            assert_eq!(read(body, None), expected, "{body}");
        }
        assert_eq!(read("\u{feff}{}", None), "7");
    }

    #[test]
    fn a_change_may_repeat_what_is_there() {
        let own = format!(r#", "name": "it's {}""#, "x".repeat(80));
        let present = format!("it's {}", "x".repeat(80));
        assert_eq!(read(&with(&own), Some(&present)), present);
        assert_eq!(read(&with(&own), Some("other")), "8");
        assert_eq!(read(&with(r#", "name": "it's""#), Some("other")), "9");
        assert_eq!(read(&with(""), Some("other")), "");
        assert_eq!(read(&with(r#", "id": "X""#), Some("other")), "8");
        let whole = json!(TokenOutput::new(&sample("n", 1), &OwnerDirectory::default())).to_string();
        let input = Input::read(whole.as_bytes(), Some("n")).expect("an answer can be sent back");
        assert!(input.id.is_some() && input.user.is_some() && input.labels.is_some());
    }

    #[test]
    fn identifiers_are_spelt_in_one_way() {
        for good in [
            "0b0e6c1e-5d0b-4a55-9c1b-6a2f6f7f3a10",
            "0b0e6c1e-5d0b-5a55-9c1b-6a2f6f7f3a10",
            &uuid::Uuid::nil().to_string(),
        ] {
            assert!(identifier(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "x",
            "0B0E6C1E-5D0B-4A55-9C1B-6A2F6F7F3A10",
            "0b0e6c1e-5d0b-1a55-9c1b-6a2f6f7f3a10",
            "0b0e6c1e-5d0b-4a55-cc1b-6a2f6f7f3a10",
            "0b0e6c1e5d0b4a559c1b6a2f6f7f3a10",
            "{0b0e6c1e-5d0b-4a55-9c1b-6a2f6f7f3a10}",
        ] {
            assert_eq!(identifier(bad), None, "{bad}");
        }
    }

    #[test]
    fn who_changed_a_token_is_told_after_the_first_change() {
        let directory = OwnerDirectory::default();
        let mut record = sample("n", 1);
        assert!(json!(TokenOutput::new(&record, &directory))["metadata"].get("modifiedBy").is_none());
        record.generation = 1;
        let told = json!(TokenOutput::new(&record, &directory));
        let by = directory.ids(&Owner::new(&*record.owner.account, &*record.modified_by)).uuid;
        assert_eq!(told["metadata"]["modifiedBy"], json!(by.to_string()));
    }

    proptest! {
        #[test]
        fn no_body_breaks_the_reader(
            body in r#"\{?("(type|name|metadata|labels|id)": ?("[a-z/-]{0,20}"|\[|\{|\}|1|null),? ?){0,5}[\]\}]{0,3}"#,
            present in prop::option::of("[a-z]{0,3}"),
        ) {
            let _ = Input::read(body.as_bytes(), present.as_deref());
        }

        #[test]
        fn an_allowed_name_is_plain(name in "[ -~é\n]{1,63}") {
            let body = json!({"type": TOKEN, "version": VERSION, "name": name}).to_string();
            if let Ok(input) = Input::read(body.as_bytes(), None) {
                let told = input.name.unwrap_or_default();
                prop_assert!(told.is_ascii() && !told.contains(['<', '>', '\'', '"', ';', '`', '\\', '\n']));
                prop_assert_eq!(told, name);
            }
        }
    }
}
