//! What the OpenAPI document says of an operation; stands in the endpoint's row, so that no endpoint can lack it.

use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{Array, Ref, RefOr, Schema};

/// Collects named schemas and returns a reference to one of them.
pub(crate) type SchemaOf = fn(&mut Vec<(String, RefOr<Schema>)>) -> RefOr<Schema>;

/// A body: its media types, the usual one first, and its shape.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Media {
    /// For example `application/json`.
    pub(crate) types: &'static [&'static str],
    /// Its shape; [`shape`] of a wire type.
    pub(crate) schema: SchemaOf,
}

impl Media {
    /// A JSON body in the shape of a wire type.
    pub(crate) const fn json(schema: SchemaOf) -> Self {
        Self { types: &["application/json"], schema }
    }
}

/// The schema of a wire type. The name it is kept under must be unique among all dialects: give vendors' types a name of
/// their own by `#[schema(as = …)]`.
pub(crate) fn shape<T: ToSchema>(known: &mut Vec<(String, RefOr<Schema>)>) -> RefOr<Schema> {
    T::schemas(known);
    let name = T::name().into_owned();
    known.push((name.clone(), T::schema()));
    RefOr::Ref(Ref::from_schema_name(name))
}

/// A parameter of the query or of the head.
#[derive(Debug)]
pub(crate) struct Parameter {
    /// Its name as the client writes it.
    pub(crate) name: &'static str,
    /// Whether it stands in the head, not in the query.
    pub(crate) header: bool,
    /// Whether a call without it is refused.
    pub(crate) required: bool,
    /// What it may hold.
    pub(crate) value: Value,
    /// What it means, with unit and default.
    pub(crate) about: &'static str,
}

impl Parameter {
    /// An optional parameter of the query.
    pub(crate) const fn query(name: &'static str, value: Value, about: &'static str) -> Self {
        Self { name, header: false, required: false, value, about }
    }

    /// The form of a variable of the path (ECMA-262); left out where the path has no such variable.
    pub(crate) const fn variable(name: &'static str, form: &'static str, about: &'static str) -> Self {
        Self { name, header: false, required: true, value: Value::Variable(form), about }
    }

    /// Whether it stands in the path.
    pub(super) const fn is_variable(&self) -> bool {
        matches!(self.value, Value::Variable(_))
    }
}

/// What a parameter may hold.
#[derive(Debug)]
pub(crate) enum Value {
    /// Any text.
    Text,
    /// A text of this form (ECMA-262).
    Pattern(&'static str),
    /// A variable of the path, of this form.
    Variable(&'static str),
    /// A whole number within bounds.
    Integer(i64, i64),
    /// `true` or `false`.
    Boolean,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A text that may come several times.
    Texts,
}

impl Value {
    /// As a schema.
    pub(super) fn schema(&self) -> Schema {
        let of = |kind| ObjectBuilder::new().schema_type(SchemaType::new(kind));
        let built = match self {
            Self::Text => of(Type::String),
            Self::Pattern(form) | Self::Variable(form) => of(Type::String).pattern(Some(*form)),
            Self::Integer(least, most) => of(Type::Integer).minimum(Some(*least)).maximum(Some(*most)),
            Self::Boolean => of(Type::Boolean),
            Self::Word(words) => of(Type::String).enum_values(Some(words.iter().copied())),
            Self::Texts => return Schema::Array(Array::new(of(Type::String).build())),
        };
        Schema::Object(built.build())
    }
}

/// What an operation takes and gives.
#[derive(Debug)]
pub(crate) struct Spec {
    /// One line.
    pub(crate) summary: &'static str,
    /// Parameters beside those of the path, and what is known of the form of those.
    pub(crate) parameters: &'static [Parameter],
    /// The request's body.
    pub(crate) body: Option<Media>,
    /// Statuses of success, with their bodies.
    pub(crate) answers: &'static [(u16, Option<Media>)],
    /// Statuses of refusal beyond those that any call can meet (400, 401, 403, 404, 408, 413, 429, 500, 503).
    pub(crate) refusals: &'static [u16],
}
