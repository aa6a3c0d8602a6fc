//! The OpenAPI 3.1 document of the admin port, put together from the endpoint tables.

use std::collections::HashMap;
use std::sync::LazyLock;

use bytes::Bytes;
use http::StatusCode;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ComponentsBuilder, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    Content, InfoBuilder, OpenApi, OpenApiBuilder, PathsBuilder, RefOr, Required, ResponseBuilder, Schema,
};

use super::dialect::Dialect;
use super::dialects;
use super::endpoint::Endpoint;
use super::spec::{Media, Spec};
use crate::auth::Source;

/// Where the document is served, without a credential.
pub(crate) const PATH: &str = "/openapi.json";

/// Statuses that any call may be refused with, whatever it asks for.
const ALWAYS: [u16; 9] = [400, 401, 403, 404, 408, 413, 429, 500, 503];

/// The document as JSON.
pub(crate) fn text() -> Bytes {
    static TEXT: LazyLock<Bytes> = LazyLock::new(|| {
        // Made of strings, numbers and maps with string keys: nothing that JSON cannot hold.
        Bytes::from(document().to_pretty_json().unwrap_or_default())
    });
    TEXT.clone()
}

/// The document.
pub(super) fn document() -> OpenApi {
    let mut schemas = Vec::new();
    let mut components = ComponentsBuilder::new();
    let mut paths = PathsBuilder::new();
    let mut tags = Vec::new();
    let mut ids = HashMap::new();
    for dialect in dialects::ALL {
        tags.push(TagBuilder::new().name(dialect.name()).build());
        let sources = dialect.sources();
        for (at, source) in sources.iter().enumerate() {
            components = components.security_scheme(scheme_name(*dialect, at), scheme(source));
        }
        for endpoint in dialect.endpoints() {
            let operation = operation(*dialect, endpoint, sources.len(), &mut ids, &mut schemas);
            let path = endpoint.path.strip_suffix("/?").unwrap_or(endpoint.path);
            paths = paths.path(path, PathItem::new(method(endpoint), operation));
        }
    }
    components = components.schemas_from_iter(schemas);
    let info =
        InfoBuilder::new().title("Tollgate token administration").version(env!("CARGO_PKG_VERSION")).description(Some(
            "Token administration in the dialects of five vendors and a native one, over one set of tokens.",
        ));
    let built = OpenApiBuilder::new().info(info.build()).tags(Some(tags)).paths(paths.build());
    built.components(Some(components.build())).build()
}

fn operation(
    dialect: &dyn Dialect,
    endpoint: &'static Endpoint,
    schemes: usize,
    ids: &mut HashMap<String, usize>,
    schemas: &mut Vec<(String, RefOr<Schema>)>,
) -> OperationBuilder {
    let spec: &Spec = &endpoint.spec;
    let mut id = format!("{}.{}", dialect.name(), endpoint.operation);
    // An operation that a vendor serves at several paths.
    let seen = ids.entry(id.clone()).or_insert(0);
    *seen += 1;
    if *seen > 1 {
        id = format!("{id}.{seen}");
    }
    let mut built = OperationBuilder::new().tag(dialect.name()).summary(Some(spec.summary)).operation_id(Some(id));
    for name in variables(endpoint.path) {
        let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Path).required(Required::True);
        let told = spec.parameters.iter().find(|told| told.is_variable() && told.name == name);
        built = built.parameter(match told {
            Some(told) => parameter.description(Some(told.about)).schema(Some(told.value.schema())),
            None => parameter.schema(Some(text_schema())),
        });
    }
    for parameter in spec.parameters.iter().filter(|parameter| !parameter.is_variable()) {
        let place = if parameter.header { ParameterIn::Header } else { ParameterIn::Query };
        let required = if parameter.required { Required::True } else { Required::False };
        let shown = ParameterBuilder::new().name(parameter.name).parameter_in(place).required(required);
        built = built.parameter(shown.description(Some(parameter.about)).schema(Some(parameter.value.schema())));
    }
    if let Some(media) = &spec.body {
        let mut body = RequestBodyBuilder::new();
        for (kind, content) in contents(media, schemas) {
            body = body.content(kind, content);
        }
        if needs_members((media.schema)(schemas), schemas) {
            body = body.required(Some(Required::True));
        }
        built = built.request_body(Some(body.build()));
    }
    for (status, media) in spec.answers {
        built = built.response(status.to_string(), response(*status, media.as_ref(), schemas));
    }
    for status in ALWAYS.iter().chain(spec.refusals) {
        if !spec.answers.iter().any(|(own, _)| own == status) {
            let media = dialect.error_body(*status);
            built = built.response(status.to_string(), response(*status, Some(&media), schemas));
        }
    }
    for at in 0..schemes {
        built = built.security(SecurityRequirement::new(scheme_name(dialect, at), Vec::<String>::new()));
    }
    built
}

/// Whether an empty object does not do.
fn needs_members(schema: RefOr<Schema>, schemas: &[(String, RefOr<Schema>)]) -> bool {
    match schema {
        RefOr::T(Schema::Object(object)) => !object.required.is_empty(),
        RefOr::T(Schema::AllOf(all)) => all.items.into_iter().any(|part| needs_members(part, schemas)),
        RefOr::T(_) => false,
        RefOr::Ref(reference) => {
            let name = reference.ref_location.rsplit('/').next().unwrap_or_default();
            let named = schemas.iter().find(|(own, _)| own == name);
            named.is_some_and(|(_, schema)| needs_members(schema.clone(), schemas))
        }
    }
}

fn response(
    status: u16,
    media: Option<&Media>,
    schemas: &mut Vec<(String, RefOr<Schema>)>,
) -> RefOr<utoipa::openapi::Response> {
    let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let mut built = ResponseBuilder::new().description(reason.unwrap_or("Answer"));
    for (kind, content) in media.into_iter().flat_map(|media| contents(media, schemas)) {
        built = built.content(kind, content);
    }
    RefOr::T(built.build())
}

fn contents(media: &Media, schemas: &mut Vec<(String, RefOr<Schema>)>) -> Vec<(&'static str, Content)> {
    let schema = (media.schema)(schemas);
    media.types.iter().map(|kind| (*kind, Content::new(Some(schema.clone())))).collect()
}

fn method(endpoint: &Endpoint) -> HttpMethod {
    match endpoint.method.as_str() {
        "POST" => HttpMethod::Post,
        "PUT" => HttpMethod::Put,
        "PATCH" => HttpMethod::Patch,
        "DELETE" => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}

/// The names between braces.
fn variables(path: &str) -> impl Iterator<Item = &str> {
    path.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
}

fn text_schema() -> Schema {
    Schema::Object(ObjectBuilder::new().schema_type(SchemaType::new(Type::String)).min_length(Some(1)).build())
}

fn scheme_name(dialect: &dyn Dialect, at: usize) -> String {
    match at {
        0 => dialect.name().to_owned(),
        at => format!("{}.{}", dialect.name(), at + 1),
    }
}

fn scheme(source: &Source) -> SecurityScheme {
    let key = |name: &str, about: &str| ApiKeyValue::with_description(name, about);
    match source {
        Source::Bearer => SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()),
        Source::ApiToken => SecurityScheme::ApiKey(ApiKey::Header(key("Authorization", "Api-Token <secret>"))),
        Source::Scheme(name) => {
            SecurityScheme::ApiKey(ApiKey::Header(key("Authorization", &format!("{name} <secret>"))))
        }
        Source::Header(name) => SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new(usual(name.as_str())))),
        Source::Query(name) => SecurityScheme::ApiKey(ApiKey::Query(ApiKeyValue::new(name.as_str()))),
        Source::Cookie(name) => SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(*name))),
    }
}

/// The usual spelling of a field's name: a capital at the start of each part. Some tools compare it exactly.
fn usual(name: &str) -> String {
    let mut start = true;
    let capital = |letter: char| {
        if std::mem::replace(&mut start, letter == '-') { letter.to_ascii_uppercase() } else { letter }
    };
    name.chars().map(capital).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_endpoint_is_in_the_document() {
        let document: serde_json::Value = serde_json::from_slice(&text()).expect("JSON");
        assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
        let mut operations = 0;
        for dialect in dialects::ALL {
            for endpoint in dialect.endpoints() {
                let path = endpoint.path.strip_suffix("/?").unwrap_or(endpoint.path);
                let shown = &document["paths"][path][endpoint.method.as_str().to_lowercase()];
                assert!(shown.is_object(), "{} {path} is missing", endpoint.method);
                assert!(!shown["security"].as_array().expect("schemes").is_empty(), "{path}");
                for (status, _) in endpoint.spec.answers {
                    assert!(shown["responses"][status.to_string()].is_object(), "{path} {status}");
                }
                operations += 1;
            }
        }
        assert!(operations > 0);
    }

    #[test]
    fn operation_ids_are_unique_and_references_lead_somewhere() {
        let document: serde_json::Value = serde_json::from_slice(&text()).expect("JSON");
        let mut seen = std::collections::HashSet::new();
        for operation in
            document["paths"].as_object().expect("paths").values().flat_map(|item| {
                item.as_object().expect("operations").values().filter(|operation| operation.is_object())
            })
        {
            let id = operation["operationId"].as_str().expect("an id");
            assert!(seen.insert(id.to_owned()), "{id} twice");
        }
        let text = document.to_string();
        for part in text.split("\"#/components/schemas/").skip(1) {
            let name = part.split('"').next().expect("a name");
            assert!(document["components"]["schemas"][name].is_object(), "{name} is not described");
        }
    }
}
