//! Loading a component, and refusing what can't be a policy.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use outlast_core::policy::{PolicyId, Slots};
use sha2::{Digest as _, Sha256};
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{InstancePre, Linker};

use crate::engine;
use crate::error::LoadError;
use crate::sandbox::{Limits, Sandbox, one_line};
use crate::v0_1_0::{Exports, VERSION};

/// The most bytes that a component may have. It is stored in MySQL, so it must fit in a packet.
pub const MAX_COMPONENT_BYTES: usize = 4 * 1024 * 1024;

/// The most bytes that a policy's name may have.
pub const MAX_NAME_BYTES: usize = 64;

/// Compiled components that are kept for the next time that the same bytes are loaded.
const MAX_CACHED: usize = 32;

/// The package whose interfaces fill slots.
const PACKAGE: &str = "outlast:policy/";

/// A component that is known to be a policy: it is valid, asks for nothing, starts, and fills at least one slot.
#[derive(Clone)]
pub struct Component {
    id: PolicyId,
    bytes: Arc<[u8]>,
    pub(crate) compiled: Arc<Compiled>,
}

/// What is left of a component when its name and its bytes are taken away.
pub(crate) struct Compiled {
    pub(crate) instance: InstancePre<Limits>,
    pub(crate) exports: Exports,
}

impl Component {
    /// Checks and compiles a component, or finds it among those compiled before.
    ///
    /// Compiling takes from some milliseconds to seconds, by the component's size: not for an async executor's thread.
    ///
    /// # Errors
    ///
    /// [`LoadError`] says in one line what is wrong and what to do.
    pub fn load(name: &str, bytes: impl Into<Arc<[u8]>>) -> Result<Self, LoadError> {
        let bytes = bytes.into();
        check_name(name)?;
        check_header(&bytes)?;
        let digest: [u8; 32] = Sha256::digest(&bytes).into();
        let id = PolicyId {
            name: name.to_owned(),
            digest: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
        };
        let cached = cache()
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&digest)
            .cloned();
        let compiled = match cached {
            Some(compiled) => compiled,
            None => {
                let compiled = Arc::new(Compiled::new(&bytes)?);
                let mut cache = cache().lock().unwrap_or_else(PoisonError::into_inner);
                if cache.len() >= MAX_CACHED {
                    cache.clear();
                }
                cache.insert(digest, Arc::clone(&compiled));
                compiled
            }
        };
        Ok(Self { id, bytes, compiled })
    }

    /// Loads a component from a file and names it after the file: `patient.wasm` becomes `patient`.
    ///
    /// # Errors
    ///
    /// [`LoadError::Read`], and those of [`Component::load`].
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, LoadError> {
        let path = path.as_ref();
        let read = |source| LoadError::Read {
            path: path.to_owned(),
            source,
        };
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(read)?;
        // One byte more than is allowed, so that a huge file is refused without being read.
        file.take(MAX_COMPONENT_BYTES as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(read)?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        Self::load(&name, bytes)
    }

    /// The name and the digest.
    #[must_use]
    pub fn id(&self) -> &PolicyId {
        &self.id
    }

    /// The bytes, for storing them with a migration.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The slots that the component fills; at least one.
    #[must_use]
    pub fn slots(&self) -> Slots {
        self.compiled.exports.slots()
    }
}

impl fmt::Debug for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Component")
            .field("id", &self.id)
            .field("slots", &self.slots())
            .finish_non_exhaustive()
    }
}

impl Compiled {
    fn new(bytes: &[u8]) -> Result<Self, LoadError> {
        let engine = &engine::shared().map_err(LoadError::Engine)?.engine;
        let component =
            wasmtime::component::Component::from_binary(engine, bytes).map_err(|e| LoadError::Invalid(one_line(&e)))?;
        check_imports_and_exports(engine, &component)?;
        let linker = Linker::new(engine);
        let instance = linker
            .instantiate_pre(&component)
            .map_err(|e| LoadError::Invalid(one_line(&e)))?;
        let exports = Exports::find(&instance);
        if exports.slots().is_empty() {
            return Err(LoadError::NoSlot { known: VERSION });
        }
        let mut sandbox = Sandbox::start(&instance).map_err(|fault| LoadError::DoesNotStart(fault.to_string()))?;
        exports
            .check(&mut sandbox)
            .map_err(|(slot, error)| LoadError::WrongType {
                slot,
                reason: one_line(&error),
            })?;
        Ok(Self { instance, exports })
    }
}

fn cache() -> &'static Mutex<HashMap<[u8; 32], Arc<Compiled>>> {
    static CACHE: OnceLock<Mutex<HashMap<[u8; 32], Arc<Compiled>>>> = OnceLock::new();
    CACHE.get_or_init(Mutex::default)
}

fn check_name(name: &str) -> Result<(), LoadError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() || name.len() > MAX_NAME_BYTES || !name.chars().all(allowed) {
        return Err(LoadError::Name(
            name.chars().filter(|c| !c.is_control()).take(MAX_NAME_BYTES).collect(),
        ));
    }
    Ok(())
}

/// Tells apart what people hand in by mistake; the rest is up to wasmtime's validation.
fn check_header(bytes: &[u8]) -> Result<(), LoadError> {
    if bytes.len() > MAX_COMPONENT_BYTES {
        return Err(LoadError::TooLarge {
            limit: MAX_COMPONENT_BYTES,
        });
    }
    // The magic number is followed by a version and a layer, two bytes each: layer 0 is a core module, 1 a component.
    match bytes {
        [0, b'a', b's', b'm', _, _, 0, 0, ..] => Err(LoadError::CoreModule),
        [0, b'a', b's', b'm', ..] => Ok(()),
        _ => Err(LoadError::NotWasm),
    }
}

fn check_imports_and_exports(
    engine: &wasmtime::Engine,
    component: &wasmtime::component::Component,
) -> Result<(), LoadError> {
    let ty = component.component_type();
    let imports: Vec<String> = ty
        .imports(engine)
        .filter(|(_, import)| !holds_only_types(engine, &import.ty))
        .map(|(name, _)| format!("{name:.100}"))
        .take(5)
        .collect();
    if !imports.is_empty() {
        return Err(LoadError::Imports(imports));
    }
    let foreign = ty
        .exports(engine)
        .map(|(name, _)| name)
        .find(|name| name.starts_with(PACKAGE) && !name.ends_with(&format!("@{VERSION}")));
    match foreign {
        Some(export) => Err(LoadError::OtherVersion {
            export: format!("{export:.100}"),
            known: VERSION,
        }),
        None => Ok(()),
    }
}

/// Interfaces that declare types and nothing else need no implementation.
fn holds_only_types(engine: &wasmtime::Engine, item: &ComponentItem) -> bool {
    match item {
        ComponentItem::Type(_) => true,
        ComponentItem::ComponentInstance(instance) => instance
            .exports(engine)
            .all(|(_, export)| matches!(export.ty, ComponentItem::Type(_))),
        _ => false,
    }
}
