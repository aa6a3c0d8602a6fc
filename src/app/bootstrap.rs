//! The first admin token, where the configuration or the environment asks for one.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::admin::service::{Actor, Draft, Error, Foreign, TokenService};
use crate::config::Config;
use crate::token::{Listing, Scope, SortBy, TokenRef};

/// Names the file whose content is the admin token.
const TOKEN_FILE: &str = "TOLLGATE_ADMIN_TOKEN_FILE";
/// Least length of a given admin token, in characters.
const MIN_LENGTH: usize = 32;
/// Marks the token that came from a file, so that it can be replaced.
const LABEL: (&str, &str) = ("tollgate.bootstrap", "file");

/// Installs or makes the first admin token.
pub(super) async fn admin_token(config: &Config, service: &TokenService) -> Result<(), String> {
    if let Some(path) = std::env::var_os(TOKEN_FILE) {
        return install(Path::new(&path), service).await;
    }
    if config.admin.bootstrap && list(service, 1).await?.is_empty() {
        let (record, secret) =
            service.create(&Actor::operator(), draft()).await.map_err(|e| format!("no admin token was made: {e}"))?;
        let path = config.store.data_dir.join("admin-token");
        write_private(&path, secret.expose())
            .map_err(|error| format!("the admin token cannot be written to {}: {error}", path.display()))?;
        tracing::info!(path = %path.display(), token = %record.id, "the first admin token was made");
    }
    Ok(())
}

/// Makes the file's content the admin token; an earlier one from a file goes.
async fn install(path: &Path, service: &TokenService) -> Result<(), String> {
    let shown = path.display();
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("{TOKEN_FILE}: {shown} cannot be read: {error}"))?;
    let text = zeroize::Zeroizing::new(text.trim().to_owned());
    if text.len() < MIN_LENGTH {
        return Err(format!("{TOKEN_FILE}: {shown} holds fewer than {MIN_LENGTH} characters"));
    }
    let actor = Actor::operator();
    let failed = |error: Error| format!("{TOKEN_FILE}: the token cannot be installed: {error}");
    match service.lookup(&actor, &text).await {
        Ok(_) => return Ok(()),
        Err(Error::NotFound) => {}
        Err(error) => return Err(failed(error)),
    }
    let earlier: Vec<_> = list(service, 1000)
        .await?
        .into_iter()
        .filter(|record| record.labels.get(LABEL.0).is_some_and(|label| label == LABEL.1))
        .collect();
    let secret = Foreign::from_secret(&text).map_err(failed)?;
    let mut draft = draft();
    draft.labels = BTreeMap::from([(LABEL.0.to_owned(), LABEL.1.to_owned())]);
    let record = service.import(&actor, draft, secret).await.map_err(failed)?;
    for old in earlier {
        service.revoke(&actor, TokenRef::Id(old.id), "replaced by the admin token file").await.map_err(failed)?;
    }
    tracing::info!(token = %record.id, "the admin token of the file was installed");
    Ok(())
}

fn draft() -> Draft {
    Draft {
        name: "admin".to_owned(),
        description: "First admin token".to_owned(),
        scopes: Some(vec![Scope::ALL_ADMIN.to_owned()]),
        ..Draft::default()
    }
}

/// Tokens of the default owner, whose the first admin token is.
async fn list(service: &TokenService, limit: usize) -> Result<Vec<crate::token::TokenRecord>, String> {
    let listing = Listing { account: None, owner: None, sort: SortBy::Name, after: None, limit };
    let page = service.list(&Actor::operator(), listing).await;
    page.map(|page| page.records).map_err(|error| format!("the store cannot be read: {error}"))
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    writeln!(file, "{text}")?;
    file.sync_all()
}
