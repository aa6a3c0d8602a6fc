//! Who asks, how far they reach, and what they may grant.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use super::Error;
use crate::token::{Bundles, MadeWith, Owner, PlanTable, Scope, TokenId, TokenRecord};

/// The caller of an operation.
#[derive(Clone, Debug)]
pub(crate) struct Actor {
    /// Written as `created_by` and `modified_by`.
    pub(crate) name: String,
    /// The owner the caller acts for; `None` for the local operator, who is nobody's owner.
    pub(crate) owner: Option<Owner>,
    /// The token that was presented; `None` for the local operator.
    pub(crate) token: Option<TokenId>,
    /// Its name; empty for the local operator.
    pub(crate) token_name: String,
    /// What the caller holds.
    pub(crate) scopes: Vec<Scope>,
    /// The caller's plan.
    pub(crate) plan: String,
    /// The caller's region; empty = any.
    pub(crate) region: String,
    /// The caller's networks; empty = any.
    pub(crate) networks: Vec<IpNet>,
    /// Way in, for the audit trail: `cli`, or the name of a dialect.
    pub(crate) via: &'static str,
    /// Client address, for the audit trail.
    pub(crate) address: IpAddr,
    /// The request's id, for the audit trail; may be empty.
    pub(crate) request_id: String,
    reach: Reach,
}

/// Whose tokens a call sees.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Reach {
    Everywhere,
    Account(String),
    Owner(Owner),
}

impl Actor {
    /// Whoever may use the command line on this machine: holds everything.
    pub(crate) fn operator() -> Self {
        Self {
            name: "operator".to_owned(),
            owner: None,
            token: None,
            token_name: String::new(),
            scopes: Scope::ALL_ADMIN.parse().into_iter().collect(),
            plan: PlanTable::DEFAULT.to_owned(),
            region: String::new(),
            networks: Vec::new(),
            via: "cli",
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            request_id: String::new(),
            reach: Reach::Everywhere,
        }
    }

    /// The holder of a token. Reaches its account, or everywhere with `all.admin`.
    pub(crate) fn of(record: &TokenRecord, bundles: &Bundles, via: &'static str, address: IpAddr) -> Self {
        let everywhere = bundles.holds(&record.scopes, Scope::ALL_ADMIN);
        Self {
            name: record.owner.name.clone(),
            owner: Some(record.owner.clone()),
            token: Some(record.id),
            token_name: record.name.clone(),
            scopes: record.scopes.clone(),
            plan: record.plan.clone(),
            region: record.region.clone(),
            networks: record.networks.clone(),
            via,
            address,
            request_id: String::new(),
            reach: if everywhere { Reach::Everywhere } else { Reach::Account(record.owner.account.clone()) },
        }
    }

    /// This caller, seeing the tokens of one owner only.
    ///
    /// # Errors
    /// The owner lies outside the caller's reach.
    pub(crate) fn within_owner(mut self, owner: &Owner) -> Result<Self, Error> {
        if !self.reaches(owner) {
            return Err(Error::NotFound);
        }
        self.reach = Reach::Owner(owner.clone());
        Ok(self)
    }

    /// This caller, seeing the tokens of one account only.
    ///
    /// # Errors
    /// The account lies outside the caller's reach.
    pub(crate) fn within_account(mut self, account: &str) -> Result<Self, Error> {
        match &self.reach {
            Reach::Everywhere => self.reach = Reach::Account(account.to_owned()),
            Reach::Account(own) if own == account => {}
            Reach::Owner(own) if own.account == account => {}
            _ => return Err(Error::NotFound),
        }
        Ok(self)
    }

    /// What a record keeps of the token it is made with.
    pub(super) fn made_with(&self) -> Option<MadeWith> {
        self.token.map(|id| MadeWith { id, name: self.token_name.clone() })
    }

    /// Whether tokens of this owner can be seen at all.
    pub(crate) fn reaches(&self, owner: &Owner) -> bool {
        match &self.reach {
            Reach::Everywhere => true,
            Reach::Account(account) => *account == owner.account,
            Reach::Owner(own) => own == owner,
        }
    }

    /// What a listing is confined to: account and owner, each where there is a wall.
    pub(super) fn walls(&self) -> (Option<&str>, Option<&str>) {
        match &self.reach {
            Reach::Everywhere => (None, None),
            Reach::Account(account) => (Some(account), None),
            Reach::Owner(owner) => (Some(&owner.account), Some(&owner.name)),
        }
    }

    /// Whether the caller holds `all.admin`.
    pub(crate) fn is_admin(&self, bundles: &Bundles) -> bool {
        bundles.holds(&self.scopes, Scope::ALL_ADMIN)
    }

    /// Whether the caller may see and change this token.
    pub(crate) fn sees(&self, record: &TokenRecord, bundles: &Bundles) -> bool {
        self.reaches(&record.owner) && (!bundles.holds(&record.scopes, Scope::ALL_ADMIN) || self.is_admin(bundles))
    }

    /// Whether everything that `wanted` stands for is held by the caller.
    pub(crate) fn may_grant(&self, wanted: &Scope, bundles: &Bundles) -> bool {
        match bundles.scopes_of(wanted.as_str()) {
            // A wildcard may cover the name of a bundle without covering what the bundle stands for.
            Some(inner) => {
                bundles.holds(&self.scopes, wanted.as_str())
                    && inner.iter().all(|scope| self.holds_all_of(scope, bundles))
            }
            None => self.holds_all_of(wanted, bundles),
        }
    }

    /// Whether the caller holds every name that `scope`, which is no bundle, covers.
    fn holds_all_of(&self, scope: &Scope, bundles: &Bundles) -> bool {
        if scope.as_str() != Scope::ALL_USER {
            return bundles.holds(&self.scopes, scope.as_str());
        }
        // `all.*` covers the name `all.User` without holding what it stands for.
        let great = |held: &Scope| matches!(held.as_str(), Scope::ALL_USER | Scope::ALL_ADMIN);
        self.scopes
            .iter()
            .any(|held| great(held) || bundles.scopes_of(held.as_str()).is_some_and(|inner| inner.iter().any(great)))
    }

    /// Whether every network of `wanted` lies inside one of the caller's.
    pub(super) fn covers_networks(&self, wanted: &[IpNet]) -> bool {
        self.networks.is_empty()
            || (!wanted.is_empty() && wanted.iter().all(|net| self.networks.iter().any(|own| own.contains(net))))
    }
}
