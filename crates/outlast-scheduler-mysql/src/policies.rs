//! Policy components, stored by digest, so that they fail over with the migrations that use them.

use outlast_core::{Error, ErrorKind, Result, scheduler::PolicyComponent};
use outlast_mysql::{Session, is_missing};

use crate::bounds::{self, cut};

/// Stores a component. Does nothing if it is stored already: a digest belongs to one content.
pub(crate) async fn store(session: &mut Session, component: &PolicyComponent) -> Result<()> {
    let sql = "INSERT INTO _outlast.policies (digest, name, component) VALUES (?, ?, ?) \
               ON DUPLICATE KEY UPDATE digest = policies.digest";
    let name = cut(&component.name, bounds::NAME);
    let stored = session.run_with(sql, (component.digest.as_str(), name, component.bytes.as_slice()));
    stored.await.map(drop).map_err(|error| match error.kind() {
        ErrorKind::TooBig => error.into_kind(ErrorKind::Refused).context(format_args!(
            "policy {} ({} bytes) can't be stored, raise max_allowed_packet on all servers or use a smaller component",
            component.name,
            component.bytes.len()
        )),
        _ => error.context(format_args!("storing policy {}", component.name)),
    })
}

/// A stored component.
pub(crate) async fn find(session: &mut Session, digest: &str) -> Result<PolicyComponent> {
    let sql = "SELECT name, component FROM _outlast.policies WHERE digest = ?";
    let found: Option<(String, Vec<u8>)> = match session.first_with(sql, (digest,)).await {
        Err(error) if is_missing(&error) => None,
        found => found?,
    };
    match found {
        Some((name, bytes)) => Ok(PolicyComponent {
            name,
            digest: digest.to_owned(),
            bytes,
        }),
        None => Err(Error::new(
            ErrorKind::BadRequest,
            format!(
                "no policy with digest {} is stored on {}",
                cut(digest, 64),
                session.address()
            ),
        )),
    }
}
