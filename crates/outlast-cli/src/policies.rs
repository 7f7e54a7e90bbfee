//! Policies from files, and from the cluster.

use std::{path::Path, sync::Arc};

use outlast_core::{
    Error, ErrorKind, Result,
    agent::PolicyLoader,
    policy::{NativeDefaults, Policies, Policy, Slot},
    scheduler::{PolicyChoice, PolicyComponent, Submission},
};
use outlast_policy::{Component, LoadError, WasmPolicy};

use crate::{
    cli::PolicyOptions,
    exit::{Failure, add_causes},
};

/// Loads components that migrations bring along.
pub(crate) struct Loader;

impl PolicyLoader for Loader {
    fn load(&self, component: &PolicyComponent) -> Result<Arc<dyn Policy>> {
        let loaded = Component::load(&component.name, component.bytes.clone())
            .map_err(|e| Error::new(ErrorKind::BadRequest, e.to_string()))?;
        if loaded.id().digest != component.digest {
            return Err(Error::new(
                ErrorKind::BadRequest,
                format!(
                    "the stored component {} does not have the digest it is stored under",
                    component.name
                ),
            ));
        }
        Ok(Arc::new(WasmPolicy::new(loaded)))
    }
}

/// What the options choose for a migration.
pub(crate) struct Chosen {
    pub(crate) choice: PolicyChoice,
    pub(crate) components: Vec<PolicyComponent>,
    pub(crate) params: Vec<(String, String)>,
}

/// Reads and checks the components and parameters that the options name.
pub(crate) fn chosen(options: &PolicyOptions) -> std::result::Result<Chosen, Failure> {
    let params = options.policy_params.clone();
    NativeDefaults::check_params(&params).map_err(|bad| Failure::usage(bad.to_string()))?;
    let mut components: Vec<PolicyComponent> = Vec::new();
    let mut slot = |slot: Slot, file: &Option<std::path::PathBuf>| -> std::result::Result<Option<String>, Failure> {
        let Some(file) = file else {
            return Ok(None);
        };
        let component = load(file, slot)?;
        let digest = component.id().digest.clone();
        if components.iter().all(|c| c.digest != digest) {
            components.push(PolicyComponent {
                name: component.id().name.clone(),
                digest: digest.clone(),
                bytes: component.bytes().to_vec(),
            });
        }
        Ok(Some(digest))
    };
    let choice = PolicyChoice {
        adoption: slot(Slot::Adoption, &options.policy_adoption)?,
        retry: slot(Slot::Retry, &options.policy_retry)?,
        staleness: slot(Slot::Staleness, &options.policy_staleness)?,
    };
    Ok(Chosen {
        choice,
        components,
        params,
    })
}

fn load(file: &Path, slot: Slot) -> std::result::Result<Component, Failure> {
    let component = Component::from_file(file).map_err(|error| {
        let mut message = match &error {
            LoadError::Read { .. } => error.to_string(),
            _ => format!("{}: {error}", file.display()),
        };
        add_causes(&mut message, &error);
        Failure::refused(message)
    })?;
    if !component.slots().contains(slot) {
        return Err(Failure::refused(format!(
            "policy file {} fills {}, not {slot}; give it to another --policy-… option",
            file.display(),
            component.slots()
        )));
    }
    Ok(component)
}

/// The policies that a migration would have.
pub(crate) fn of(submission: &Submission) -> std::result::Result<Policies, Failure> {
    let (choice, params) = (&submission.options.policies, &submission.options.policy_params);
    let mut policies = defaults().with_params(params.clone());
    let slots = [
        (Slot::Adoption, &choice.adoption),
        (Slot::Retry, &choice.retry),
        (Slot::Staleness, &choice.staleness),
    ];
    for (slot, digest) in slots {
        let chosen = submission
            .components
            .iter()
            .find(|c| Some(&c.digest) == digest.as_ref());
        if let Some(component) = chosen {
            let policy = Loader.load(component)?;
            policies = policies
                .with_policy_in(slot, policy)
                .map_err(|fault| Failure::refused(fault.to_string()))?;
        }
    }
    Ok(policies)
}

/// The shipped policies, for migrations that bring none.
pub(crate) fn defaults() -> Policies {
    outlast_policy::default_policies()
}
