//! What `policies/prebuilt/` says about itself.

use std::fmt::{self, Write as _};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The manifest's file name in `policies/prebuilt/`.
pub(super) const MANIFEST: &str = "MANIFEST.toml";

const HEADER: &str = "# Written by `cargo xtask policies`, compared by `cargo xtask policies --check`.\n\n";

/// Digests of the prebuilt components and of their sources, and the toolchain that turned one into the other.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub(super) toolchain: ToolchainIdentity,
    #[serde(rename = "component")]
    pub(super) components: Vec<Entry>,
}

/// Everything outside the sources that decides over the bytes of a component.
#[derive(PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct ToolchainIdentity {
    pub(super) rustc: String,
    pub(super) cargo: String,
    pub(super) linker: String,
    pub(super) wit_component: String,
}

/// One component; digests are SHA-256 in hexadecimal.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) sources: String,
    pub(super) component: String,
}

impl Manifest {
    pub(super) fn load(prebuilt: &Path) -> Result<Self> {
        let path = prebuilt.join(MANIFEST);
        let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("parsing {}", path.display()))
    }

    pub(super) fn save(&self, prebuilt: &Path) -> Result<()> {
        let path = prebuilt.join(MANIFEST);
        let text = HEADER.to_owned() + &toml::to_string(self)?;
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
    }
}

impl fmt::Display for ToolchainIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}; {}; {}; wit-component {}",
            self.rustc, self.cargo, self.linker, self.wit_component
        )
    }
}

pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
