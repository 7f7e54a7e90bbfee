//! Certificates with which servers of tests can prove that they are at 127.0.0.1. MySQL's own name no host.

use std::path::PathBuf;

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("certificates")
        .join(name)
}

/// The authority (PEM) that signed the certificate of [`arguments`].
#[must_use]
pub fn authority() -> PathBuf {
    file("authority.pem")
}

/// An authority that signed nothing.
#[must_use]
pub fn other_authority() -> PathBuf {
    file("other-authority.pem")
}

/// Options with which `mysqld` shows a certificate for 127.0.0.1.
#[must_use]
pub fn arguments() -> [String; 3] {
    [
        format!("--ssl-ca={}", authority().display()),
        format!("--ssl-cert={}", file("server.pem").display()),
        format!("--ssl-key={}", file("server-key.pem").display()),
    ]
}
