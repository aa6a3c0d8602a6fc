//! Whether a JSON value is what the OpenAPI document says, for tests: the keywords that the document uses for bodies.

use serde_json::Value;

/// What is wrong with `value` under `schema`, with its place; empty if nothing is.
pub(super) fn mistakes(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(document, schema, value, "$", &mut found);
    found
}

fn check(document: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.strip_prefix("#/components/schemas/").expect("a reference into the document");
        let named = &document["components"]["schemas"][name];
        assert!(named.is_object(), "{name} is not in the document");
        return check(document, named, value, at, found);
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        check(document, part, value, at, found);
    }
    for word in ["oneOf", "anyOf"] {
        if let Some(parts) = schema[word].as_array() {
            let fitting = parts.iter().filter(|part| mistakes(document, part, value).is_empty()).count();
            if fitting == 0 || (word == "oneOf" && fitting > 1) {
                found.push(format!("{at}: {fitting} of {word} fit"));
            }
        }
    }
    if !schema["type"].is_null() && !is_of(&schema["type"], value) {
        found.push(format!("{at}: {value} is no {}", schema["type"]));
    }
    if schema["enum"].as_array().is_some_and(|words| !words.contains(value)) {
        found.push(format!("{at}: {value} is none of {}", schema["enum"]));
    }
    if !schema["const"].is_null() && schema["const"] != *value {
        found.push(format!("{at}: {value} is not {}", schema["const"]));
    }
    for (at_item, item) in value.as_array().into_iter().flatten().enumerate() {
        check(document, &schema["items"], item, &format!("{at}[{at_item}]"), found);
    }
    members(document, schema, value, at, found);
}

fn members(document: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    let Some(object) = value.as_object() else { return };
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !object.contains_key(name) {
            found.push(format!("{at}: {name} is missing"));
        }
    }
    // A body that says more than the document would teach clients what nobody promised.
    let closed = schema["properties"].is_object() && !schema["additionalProperties"].is_object();
    for (name, member) in object {
        match &schema["properties"][name] {
            Value::Null
                if schema["additionalProperties"] == false || (closed && schema["additionalProperties"].is_null()) =>
            {
                found.push(format!("{at}: {name} is not described"));
            }
            Value::Null => check(document, &schema["additionalProperties"], member, &format!("{at}.{name}"), found),
            described => check(document, described, member, &format!("{at}.{name}"), found),
        }
    }
}

fn is_of(kinds: &Value, value: &Value) -> bool {
    let is = |kind: &str| match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        other => panic!("the type {other} is not known here"),
    };
    match kinds {
        Value::Array(several) => several.iter().filter_map(Value::as_str).any(is),
        one => one.as_str().is_some_and(is),
    }
}

#[test]
fn what_is_not_described_is_found() {
    let document = serde_json::json!({"components": {"schemas": {"Name": {"type": "string", "enum": ["a", "b"]}}}});
    let schema = serde_json::json!({
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": {"$ref": "#/components/schemas/Name"},
            "ends": {"type": ["string", "null"]},
            "list": {"type": "array", "items": {"type": "integer"}},
        },
    });
    let told = |value: Value| mistakes(&document, &schema, &value);
    assert_eq!(told(serde_json::json!({"name": "a", "ends": null, "list": [1]})), Vec::<String>::new());
    for (value, part) in [
        (serde_json::json!({}), "$: name is missing"),
        (serde_json::json!({"name": "c"}), "$.name: \"c\" is none of"),
        (serde_json::json!({"name": "a", "ends": 1}), "$.ends: 1 is no"),
        (serde_json::json!({"name": "a", "list": [1, "x"]}), "$.list[1]: \"x\" is no"),
        (serde_json::json!({"name": "a", "more": 1}), "$: more is not described"),
        (serde_json::json!([]), "$: [] is no"),
    ] {
        let found = told(value);
        assert!(found.iter().any(|mistake| mistake.starts_with(part)), "{found:?}");
    }
}
