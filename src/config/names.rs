//! `[bundles]`, `[[user]]`, `[[account]]`, and what names may look like.

use std::collections::{BTreeMap, HashMap, HashSet};

use uuid::Uuid;

use super::reader::{Field, Section};
use super::tree::quoted;
use super::units::closest;
use crate::token::{ANY_ENVIRONMENT, Bundles, Owner, OwnerDirectory, PinnedAccount, PinnedUser, Scope};

/// Bundles a file may define.
const MOST_BUNDLES: usize = 1_000;

/// Checks the name of a route, a plan or an upstream.
pub(super) fn simple_name(name: &str) -> Result<(), String> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if (1..=64).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(());
    }
    Err(format!("{} cannot be a name: write 1 to 64 letters, digits, dots, underscores or dashes", quoted(name)))
}

/// Reads a list of scopes.
pub(super) fn scopes(field: Field<'_>) -> Vec<Scope> {
    let mut scopes: Vec<Scope> = Vec::new();
    for item in field.list().unwrap_or_default() {
        let parsed = item.parsed(|text| text.parse::<Scope>().map_err(|reason| reason.to_string()));
        match parsed {
            Some(scope) if scopes.contains(&scope) => item.error(format!("{scope} stands here twice: remove one")),
            Some(scope) => scopes.push(scope),
            None => {}
        }
    }
    scopes
}

/// Reads `[bundles]`.
pub(super) fn bundles(section: &mut Section<'_>) -> Bundles {
    let mut definitions = super::vendors::bundles();
    let mut fields = BTreeMap::new();
    for (name, field) in section.take_all() {
        if let Err(reason) = bundle_name(&name) {
            field.error(reason);
        }
        let scopes = scopes(field.clone());
        if field.is_empty_list() {
            field.error("grants nothing: write at least one scope, such as [\"orders.read\"]");
        }
        // Who may see a token depends on whether it holds this name; that must not change with the configuration.
        if scopes.iter().any(|scope| scope.as_str() == Scope::ALL_ADMIN) {
            field.error("all.admin cannot be part of a bundle: give it to tokens by its own name");
        }
        definitions.insert(name.clone(), scopes);
        fields.insert(name, field);
    }
    if fields.len() > MOST_BUNDLES {
        section.error("holds more than 1000 bundles: remove some");
        return Bundles::default();
    }
    let cycles = cyclic(&definitions);
    for name in &cycles {
        if let Some(field) = fields.get(*name) {
            field.error("contains itself, directly or through another bundle: remove one of the names in the circle");
        }
    }
    if !cycles.is_empty() {
        return Bundles::default();
    }
    Bundles::new(&flattened(&definitions)).unwrap_or_default()
}

/// The definitions with each bundle within a bundle replaced by its scopes, in time linear in what can be reached: a
/// walk along every path would take twice as long with each level that names two of the next.
fn flattened(definitions: &BTreeMap<String, Vec<Scope>>) -> BTreeMap<String, Vec<Scope>> {
    let flatten = |name: &String| {
        let (mut scopes, mut seen, mut open) = (Vec::new(), HashSet::new(), vec![name.as_str()]);
        while let Some(name) = open.pop() {
            for scope in definitions.get(name).into_iter().flatten().filter(|scope| seen.insert(scope.as_str())) {
                match definitions.contains_key(scope.as_str()) {
                    true => open.push(scope.as_str()),
                    false => scopes.push(scope.clone()),
                }
            }
        }
        (name.clone(), scopes)
    };
    definitions.keys().map(flatten).collect()
}

fn bundle_name(name: &str) -> Result<(), String> {
    match name.parse::<Scope>() {
        Err(reason) => Err(reason.to_string()),
        Ok(_) if name.ends_with('*') => Err(format!("{} cannot name a bundle: write it without *", quoted(name))),
        Ok(_) if [Scope::ALL_ADMIN, Scope::ALL_USER].contains(&name) => {
            Err(format!("{name} has a fixed meaning: choose another name for the bundle"))
        }
        Ok(_) => Ok(()),
    }
}

/// The bundles that can be reached from themselves.
fn cyclic(definitions: &BTreeMap<String, Vec<Scope>>) -> Vec<&str> {
    let reaches_itself = |start: &str| {
        let mut seen: HashSet<&str> = HashSet::new();
        let mut open: Vec<&str> = vec![start];
        while let Some(name) = open.pop() {
            for scope in definitions.get(name).into_iter().flatten() {
                if scope.as_str() == start {
                    return true;
                }
                if seen.insert(scope.as_str()) {
                    open.push(scope.as_str());
                }
            }
        }
        false
    };
    definitions.keys().map(String::as_str).filter(|name| reaches_itself(name)).collect()
}

/// Reads `[[user]]` and `[[account]]`. `plans` = the names of the plans that exist.
pub(super) fn directory(root: &mut Section<'_>, plans: &[&str]) -> OwnerDirectory {
    let mut once = Once::default();
    let users = root.each("user", |section| user(section, plans, &mut once));
    let mut once = Once::default();
    let accounts = root.each("account", |section| account(section, &mut once));
    OwnerDirectory::new(users, accounts)
}

/// What may stand once only, with the place where it stands.
#[derive(Default)]
struct Once(HashMap<String, String>);

impl Once {
    fn check(&mut self, what: &str, value: &str, field: &Field<'_>) {
        if let Some(place) = self.0.insert(format!("{what}\0{value}"), field.place()) {
            let shown = value.replace('\0', "/");
            field.error(format!("the {what} {} stands at {place} already: each needs its own", quoted(&shown)));
        }
    }
}

fn user(section: &mut Section<'_>, plans: &[&str], once: &mut Once) -> Option<PinnedUser> {
    let name = section.need("name", "write the owner's name");
    let account = section.take("account");
    let uuid = section.take("uuid").and_then(|field| pinned_uuid(&field, once));
    let number = section.take("number").and_then(|field| {
        let number = field.integer(0..=(1 << 53) - 1)?;
        once.check("number", &number.to_string(), &field);
        Some(number)
    });
    let hex = section.take("hex").and_then(|field| {
        let hex = field.parsed(hex)?;
        once.check("hex id", &hex, &field);
        Some(hex)
    });
    let groups = section.take("groups").map(groups).unwrap_or_default();
    let scopes = section.take("scopes").map(scopes).unwrap_or_default();
    let plan = section.take("plan").and_then(|field| plan(&field, plans));
    let account = account.map_or(Some("default".to_owned()), |field| field.parsed(owner_name));
    let name_field = name?;
    let owner = Owner::new(account?, name_field.parsed(owner_name)?);
    once.check("user", &format!("{}\0{}", owner.account, owner.name), &name_field);
    Some(PinnedUser { owner, uuid, number, hex, groups, scopes, plan })
}

fn account(section: &mut Section<'_>, once: &mut Once) -> Option<PinnedAccount> {
    let name = section.need("name", "write the account's name");
    let uuid = section.take("uuid").and_then(|field| pinned_uuid(&field, once));
    let environments = section.take("environments").map(|field| environments(field, once)).unwrap_or_default();
    let field = name?;
    let name = field.parsed(owner_name)?;
    once.check("account", &name, &field);
    Some(PinnedAccount { name, uuid, environments })
}

/// Groups may hold several users, so their ids may stand more than once.
fn groups(field: Field<'_>) -> Vec<Uuid> {
    field.list().unwrap_or_default().iter().filter_map(|item| item.parsed(uuid)).collect()
}

fn environments(field: Field<'_>, once: &mut Once) -> Vec<String> {
    let mut environments = Vec::new();
    for item in field.list().unwrap_or_default() {
        if let Some(name) = item.parsed(environment) {
            if name != ANY_ENVIRONMENT {
                once.check("environment", &name, &item);
            }
            environments.push(name);
        }
    }
    environments
}

fn environment(text: &str) -> Result<String, String> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if text == ANY_ENVIRONMENT || ((1..=64).contains(&text.len()) && text.bytes().all(allowed)) {
        return Ok(text.to_owned());
    }
    Err(format!("{} is no environment id: write one such as \"abc12345\", or \"*\" for any", quoted(text)))
}

fn uuid(text: &str) -> Result<Uuid, String> {
    Uuid::try_parse(text)
        .map_err(|_| format!("{} is no UUID: write one such as \"7b1f2c1e-4b5a-4c6d-8e9f-0a1b2c3d4e5f\"", quoted(text)))
}

fn pinned_uuid(field: &Field<'_>, once: &mut Once) -> Option<Uuid> {
    let uuid = field.parsed(uuid)?;
    once.check("uuid", &uuid.to_string(), field);
    Some(uuid)
}

fn owner_name(text: &str) -> Result<String, String> {
    if Owner::is_valid_name(text) {
        return Ok(text.to_owned());
    }
    Err(format!("{} cannot be a name: write 1 to 255 bytes without control characters", quoted(text)))
}

fn hex(text: &str) -> Result<String, String> {
    if text.len() == 24 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(text.to_lowercase());
    }
    Err(format!("{} is no hex id: write exactly 24 hex digits", quoted(text)))
}

fn plan(field: &Field<'_>, plans: &[&str]) -> Option<String> {
    let name = field.text()?;
    if plans.contains(&name.as_str()) || name == crate::token::PlanTable::DEFAULT {
        return Some(name);
    }
    field.unresolved(&match closest(&name, plans.iter().copied()) {
        Some(meant) => format!("there is no plan {}: did you mean {meant:?}?", quoted(&name)),
        None => format!("there is no plan {}: add a section [plan.{name}]", quoted(&name)),
    });
    None
}
