//! Whose tokens a path speaks of: the caller's own, an application's, or an instance's.

use super::errors::{Problem, Refused};
use crate::admin::dialect::{Call, Fault};
use crate::admin::service::Actor;
use crate::token::{Owner, OwnerDirectory, parse_hex12};

/// One of the vendor's three families of paths and resources.
#[derive(Debug)]
pub(super) struct Family {
    /// Name of one token's resource; begins its scopes and operations, and is its `_type`.
    pub(super) one: &'static str,
    /// The same of the collection.
    pub(super) many: &'static str,
    parent: Option<Parent>,
}

#[derive(Debug)]
struct Parent {
    /// First part of the owner's name, before the colon.
    word: &'static str,
    /// As messages name it.
    title: &'static str,
    variable: &'static str,
    prefix: &'static str,
}

/// The families.
pub(super) static FAMILIES: [Family; 3] = [
    Family { one: "userApiToken", many: "userApiTokens", parent: None },
    Family {
        one: "applicationApiToken",
        many: "applicationApiTokens",
        parent: Some(Parent {
            word: "application",
            title: "Application",
            variable: "applicationId",
            prefix: "/applications",
        }),
    },
    Family {
        one: "instanceApiToken",
        many: "instanceApiTokens",
        parent: Some(Parent { word: "instance", title: "Instance", variable: "instanceId", prefix: "/instances" }),
    },
];

impl Family {
    /// Path of the collection.
    ///
    /// # Errors
    /// The parent's id has another form.
    pub(super) fn path(&self, call: &Call<'_>) -> Result<String, Problem> {
        match &self.parent {
            None => Ok("/me/tokens".to_owned()),
            Some(parent) => Ok(format!("{}/{}/tokens", parent.prefix, id(call, parent.variable)?)),
        }
    }

    /// The owner that the path names, and the caller within its tokens. An owner that is an application or an instance reaches
    /// nobody but itself.
    ///
    /// # Errors
    /// The owner is unknown, or out of the caller's reach, which looks the same; the store does not answer.
    pub(super) async fn enter(&self, call: &Call<'_>, actor: Actor) -> Result<(Actor, Owner), Refused> {
        // A token always has an owner; the operator on the command line has none.
        let own = actor.owner.clone().ok_or(Fault::Internal)?;
        let owner = match &self.parent {
            None => own,
            Some(parent) => {
                let owner = Owner::new(own.account.as_str(), format!("{}:{}", parent.word, id(call, parent.variable)?));
                let known = own == owner || (!is_machine(&own) && call.services.service.knows(&owner).await?);
                if !known {
                    return Err(Problem::unknown(parent.title).into());
                }
                owner
            }
        };
        Ok((actor.within_owner(&owner)?, owner))
    }
}

/// A variable of the path that holds 24 hex digits, in lower case.
///
/// # Errors
/// It holds something else.
pub(super) fn id(call: &Call<'_>, variable: &str) -> Result<String, Problem> {
    let text = call.variables.get(variable);
    match parse_hex12(text) {
        Ok(_) => Ok(text.to_ascii_lowercase()),
        Err(_) => Err(Problem::validation(format!("{variable} pattern mismatch"))),
    }
}

/// The parents of owners that stand for something beside a user.
fn machines() -> impl Iterator<Item = &'static Parent> {
    FAMILIES.iter().filter_map(|family| family.parent.as_ref())
}

fn is_machine(owner: &Owner) -> bool {
    machines().any(|parent| owner.name.strip_prefix(parent.word).is_some_and(|rest| rest.starts_with(':')))
}

/// The id of an owner as this dialect shows it, and whether it is an application or an instance.
pub(super) fn shown(owner: &Owner, directory: &OwnerDirectory) -> (String, bool) {
    let named = machines().find_map(|parent| owner.name.strip_prefix(parent.word)?.strip_prefix(':'));
    match named.filter(|hex| parse_hex12(hex).is_ok()) {
        Some(hex) => (hex.to_owned(), true),
        None => (directory.ids(owner).hex, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn applications_and_instances_are_told_from_users() {
        let directory = OwnerDirectory::default();
        let owner = |name: &str| Owner::new("acme", name);
        let hex = "575ec8687ae143cd83dc4a97";
        for word in ["application", "instance"] {
            let machine = owner(&format!("{word}:{hex}"));
            assert!(is_machine(&machine));
            assert_eq!(shown(&machine, &directory), (hex.to_owned(), true));
        }
        for name in ["mira", "applications:x", "instance", hex] {
            assert!(!is_machine(&owner(name)), "{name}");
            assert_eq!(shown(&owner(name), &directory), (directory.ids(&owner(name)).hex, false));
        }
        // No id, and no user either.
        assert!(is_machine(&owner("application:x")));
        assert!(!shown(&owner("application:x"), &directory).1);
    }
}
