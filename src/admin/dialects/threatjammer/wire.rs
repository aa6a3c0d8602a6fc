//! ThreatJammer's JSON, and FastAPI's for bad parameters.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::activity::Event;
use crate::clock::Timestamp;
use crate::limit::Usage;
use crate::token::{Anchor, MonthLimit, Status, TokenRecord, UNLIMITED};

/// Path of the caller's token.
pub(super) const TOKEN: &str = "/v1/token";
/// Path of its activity.
pub(super) const ACTIVITY: &str = "/v1/token/activity";

/// The caller's token.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ThreatJammerTokenOutput)]
pub(super) struct TokenOutput {
    #[serde(rename = "self")]
    path: String,
    region_id: String,
    last_month_bucket_init_value: u64,
    last_month_bucket_value: u64,
    last_month_bucket_refresh: i64,
    last_minute_bucket_init_value: u64,
    last_minute_bucket_refill_ratio: u64,
    last_minute_bucket_value: u64,
    last_minute_bucket_refresh: i64,
    status: &'static str,
    created_at: i64,
    updated_at: i64,
}

impl TokenOutput {
    pub(super) fn new(record: &TokenRecord, region: &str, usage: &Usage, limited: bool, now: Timestamp) -> Self {
        // Without a month quota nothing refreshes; the vendor's own period keeps the field meaningful.
        let vendors = MonthLimit { size: UNLIMITED, anchor: Anchor::TokenStart };
        let month_refresh =
            if limited { usage.month_refresh_at } else { vendors.window(record.created_at, now).ends_at };
        Self {
            path: format!("{TOKEN}/{}", record.id),
            region_id: region.to_owned(),
            last_month_bucket_init_value: usage.month_size.min(UNLIMITED),
            last_month_bucket_value: usage.month_used.min(UNLIMITED),
            last_month_bucket_refresh: month_refresh.as_millis(),
            last_minute_bucket_init_value: usage.minute_size,
            // Saturating by definition of the cast.
            last_minute_bucket_refill_ratio: (usage.minute_refill.ceil() as u64).min(UNLIMITED),
            last_minute_bucket_value: usage.minute_used,
            last_minute_bucket_refresh: usage.minute_full_at.as_millis(),
            status: match record.status {
                Status::Enabled => "ENABLED",
                Status::Disabled => "DISABLED",
            },
            created_at: record.created_at.as_millis(),
            updated_at: record.updated_at.as_millis(),
        }
    }
}

/// A page of activity.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ThreatJammerActivityCollectionOutput)]
pub(super) struct ActivityCollectionOutput {
    #[serde(rename = "self")]
    path: &'static str,
    page: i128,
    page_size: i128,
    activities: Vec<ActivityOutput>,
}

impl ActivityCollectionOutput {
    pub(super) fn new(paging: Paging, events: Vec<Event>) -> Self {
        let activities = events.into_iter().map(ActivityOutput::from).collect();
        Self { path: ACTIVITY, page: paging.page, page_size: paging.page_size, activities }
    }
}

/// One event.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ThreatJammerActivityOutput)]
pub(super) struct ActivityOutput {
    #[serde(rename = "self")]
    path: String,
    event: &'static str,
    description: &'static str,
    data: Map<String, Value>,
    created_at: i64,
    source: SourceOutput,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ThreatJammerSourceOutput)]
struct SourceOutput {
    address: String,
    ua_string: String,
    status_code: u16,
    uri: String,
    body: &'static str,
    method: String,
}

impl From<Event> for ActivityOutput {
    fn from(event: Event) -> Self {
        // Stored data that is no object has nothing to be merged.
        let mut data: Map<String, Value> = serde_json::from_str(&event.data).unwrap_or_default();
        for (name, value) in [("route", event.route), ("request_id", event.request_id)] {
            if !value.is_empty() {
                data.insert(name.to_owned(), Value::String(value));
            }
        }
        Self {
            path: format!("{ACTIVITY}/{}", event.id),
            event: event.kind.code(),
            description: event.kind.description(),
            data,
            created_at: event.at.as_millis(),
            source: SourceOutput {
                address: event.address.to_string(),
                ua_string: event.user_agent,
                status_code: event.status,
                uri: event.uri,
                // Bodies are never recorded: they may hold secrets.
                body: "",
                method: event.method,
            },
        }
    }
}

/// The vendor's error body.
#[derive(Debug, Serialize)]
pub(super) struct ErrorOutput<'a> {
    pub(super) title: &'static str,
    pub(super) detail: &'a str,
    #[serde(rename = "type")]
    pub(super) link: String,
}

/// The vendor's error body, as it is described.
#[derive(ToSchema)]
#[schema(as = ThreatJammerError)]
#[allow(dead_code, reason = "described here, written by ErrorOutput")]
pub(super) struct Problem {
    title: String,
    detail: String,
    r#type: String,
}

/// What an answer without members is described as.
#[derive(ToSchema)]
#[schema(as = ThreatJammerEmpty)]
pub(super) struct Empty {}

/// FastAPI's body of a 405, as it is described.
#[derive(ToSchema)]
#[schema(as = ThreatJammerMethodNotAllowed)]
#[allow(dead_code, reason = "described here, written by Detail")]
pub(super) struct MethodNotAllowed {
    detail: String,
}

/// FastAPI's body of a 422, as it is described.
#[derive(ToSchema)]
#[schema(as = ThreatJammerBadParameters)]
#[allow(dead_code, reason = "described here, written by Detail")]
pub(super) struct BadParameters {
    detail: Vec<BadParameter>,
}

/// FastAPI's error body.
#[derive(Debug, Serialize)]
pub(super) struct Detail<T> {
    pub(super) detail: T,
}

/// One bad parameter, as pydantic 1 tells it.
#[derive(Debug, Serialize, ToSchema, PartialEq, Eq)]
#[schema(as = ThreatJammerBadParameter)]
pub(super) struct BadParameter {
    loc: [&'static str; 2],
    msg: String,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ctx: Option<Bound>,
}

#[derive(Debug, Serialize, ToSchema, PartialEq, Eq)]
#[schema(as = ThreatJammerBound)]
struct Bound {
    limit_value: i128,
}

/// Which part of the activity is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Paging {
    /// From 1.
    page: i128,
    /// 5 to 100.
    page_size: i128,
}

impl Paging {
    /// From the query's parameters; of a repeated one the last counts, others are ignored.
    ///
    /// # Errors
    /// Every parameter that is bad, `page` first.
    pub(super) fn parse<'q>(
        parameters: impl Iterator<Item = (std::borrow::Cow<'q, str>, std::borrow::Cow<'q, str>)>,
    ) -> Result<Self, Vec<BadParameter>> {
        let (mut page, mut page_size) = (Ok(1), Ok(20));
        for (name, value) in parameters {
            match &*name {
                "page" => page = integer("page", &value, 1, i128::MAX),
                "page_size" => page_size = integer("page_size", &value, 5, 100),
                _ => {}
            }
        }
        match (page, page_size) {
            (Ok(page), Ok(page_size)) => Ok(Self { page, page_size }),
            (page, page_size) => Err([page.err(), page_size.err()].into_iter().flatten().collect()),
        }
    }

    /// How many events to skip and to take; `None` for a page that no log reaches.
    pub(super) fn span(&self) -> Option<(usize, usize)> {
        const FURTHEST: i128 = 1 << 31;
        let skip = (self.page - 1).checked_mul(self.page_size).filter(|skip| *skip < FURTHEST)?;
        Some((usize::try_from(skip).ok()?, usize::try_from(self.page_size).ok()?))
    }
}

/// An optional sign and digits; blanks around them are ignored, as Python's `int` does.
fn integer(name: &'static str, text: &str, least: i128, most: i128) -> Result<i128, BadParameter> {
    let bad = |msg: String, kind, limit_value: Option<i128>| BadParameter {
        loc: ["query", name],
        msg,
        kind,
        ctx: limit_value.map(|limit_value| Bound { limit_value }),
    };
    // Rust's grammar is the same; beyond 2^127 there is no page to be asked for.
    let Ok(number) = text.trim().parse::<i128>() else {
        return Err(bad("value is not a valid integer".to_owned(), "type_error.integer", None));
    };
    if number < least {
        let msg = format!("ensure this value is greater than or equal to {least}");
        return Err(bad(msg, "value_error.number.not_ge", Some(least)));
    }
    if number > most {
        let msg = format!("ensure this value is less than or equal to {most}");
        return Err(bad(msg, "value_error.number.not_le", Some(most)));
    }
    Ok(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activity::{EventIds, EventKind};
    use crate::admin::endpoint::parameters;
    use crate::token::TokenId;
    use proptest::prelude::*;

    proptest! {
        /// Whatever a stranger writes is either a page within the bounds or a told mistake.
        #[test]
        fn no_query_breaks_the_parser(query in "(page|page_size|%70age|x)?=?[-+0-9%&=a-f_ ]{0,60}") {
            match Paging::parse(parameters(&query)) {
                Ok(paging) => {
                    prop_assert!(paging.page >= 1 && (5..=100).contains(&paging.page_size));
                    if let Some((skip, take)) = paging.span() {
                        prop_assert!(skip < 1 << 31 && (5..=100).contains(&take));
                    }
                }
                Err(bad) => prop_assert!((1..=2).contains(&bad.len())),
            }
        }
    }

    fn paging(query: &str) -> Result<(i128, i128), String> {
        Paging::parse(parameters(query))
            .map(|paging| (paging.page, paging.page_size))
            .map_err(|bad| serde_json::to_string(&Detail { detail: bad }).expect("JSON"))
    }

    #[test]
    fn good_parameters_are_read_and_foreign_ones_ignored() {
        let rows = [
            ("", (1, 20)),
            ("page=2&page_size=5", (2, 5)),
            ("page=1&page=2&page_size=100&_=1795283948890", (2, 100)),
            ("page=%2B3", (3, 20)),
            ("page=+3", (3, 20)),
            ("page=007", (7, 20)),
            ("page=abc&page=4", (4, 20)),
            ("%70age=9", (9, 20)),
            ("page=99999999999999999999", (99_999_999_999_999_999_999, 20)),
        ];
        for (query, expected) in rows {
            assert_eq!(paging(query), Ok(expected), "{query}");
        }
    }

    #[test]
    fn bad_parameters_are_told_in_pydantics_words() {
        let integer = |name| {
            format!(r#"{{"loc":["query","{name}"],"msg":"value is not a valid integer","type":"type_error.integer"}}"#)
        };
        let ge = |name, least| {
            format!(
                r#"{{"loc":["query","{name}"],"msg":"ensure this value is greater than or equal to {least}","type":"value_error.number.not_ge","ctx":{{"limit_value":{least}}}}}"#
            )
        };
        let le = r#"{"loc":["query","page_size"],"msg":"ensure this value is less than or equal to 100","type":"value_error.number.not_le","ctx":{"limit_value":100}}"#;
        let rows = [
            ("page=", integer("page")),
            ("page", integer("page")),
            ("page=1.5", integer("page")),
            ("page=NaN", integer("page")),
            ("page=--1", integer("page")),
            ("page=0x10", integer("page")),
            ("page_size=NaN", integer("page_size")),
            ("page=0", ge("page", 1)),
            ("page=-99999999999999999999", ge("page", 1)),
            ("page_size=4", ge("page_size", 5)),
            ("page_size=101", le.to_owned()),
            ("page_size=1&page=abc", format!("{},{}", integer("page"), ge("page_size", 5))),
        ];
        for (query, expected) in rows {
            assert_eq!(paging(query), Err(format!("{{\"detail\":[{expected}]}}")), "{query}");
        }
    }

    #[test]
    fn a_far_page_asks_no_store() {
        let span = |page, page_size| Paging { page, page_size }.span();
        assert_eq!(span(1, 20), Some((0, 20)));
        assert_eq!(span(3, 5), Some((10, 5)));
        assert_eq!(span(i128::MAX, 100), None);
        assert_eq!(span(1 << 40, 5), None);
    }

    #[test]
    fn an_event_merges_route_and_request_id_into_its_data() {
        let at = Timestamp::from_millis(1_901_000_000_000);
        let event = |data: &str, route: &str| Event {
            id: EventIds::new([0, 1]).next(at),
            token: TokenId::from_bytes([1; 16]),
            serial: 1,
            at,
            kind: EventKind::Request,
            status: 200,
            address: [127, 0, 0, 1].into(),
            method: "GET".to_owned(),
            route: route.to_owned(),
            uri: "/orders?a=1".to_owned(),
            user_agent: "curl".to_owned(),
            request_id: String::new(),
            data: data.to_owned(),
        };
        let data = |data: &str, route: &str| {
            serde_json::to_value(ActivityOutput::from(event(data, route))).expect("JSON")["data"].to_string()
        };
        assert_eq!(data("", ""), "{}");
        assert_eq!(data("[1]", ""), "{}");
        assert_eq!(data(r#"{"by":"mira","route":"x"}"#, "orders"), r#"{"by":"mira","route":"orders"}"#);
        let whole = serde_json::to_string(&ActivityOutput::from(event("", ""))).expect("JSON");
        let source = r#"{"address":"127.0.0.1","ua_string":"curl","status_code":200,"uri":"/orders?a=1","body":"","method":"GET"}"#;
        assert_eq!(
            whole,
            format!(
                r#"{{"self":"/v1/token/activity/01ba9c6e0200000100000000","event":"API_REQUEST","description":"Request served","data":{{}},"created_at":1901000000000,"source":{source}}}"#
            )
        );
    }
}
