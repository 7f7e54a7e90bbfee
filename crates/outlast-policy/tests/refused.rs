//! What can't be a policy is refused when it is loaded, in one line that says what to do.

mod guest;

use outlast_core::policy::{AdoptionVerdict, AdoptionView, Policy as _, Slot};
use outlast_policy::{Component, LoadError, MAX_COMPONENT_BYTES, WasmPolicy};

fn refusal(bytes: Vec<u8>) -> LoadError {
    let error = Component::load("wrong", bytes).expect_err("it can't be a policy");
    let text = error.to_string();
    assert!(
        !text.contains('\n') && text.len() < 500,
        "not a line for people: {text}"
    );
    error
}

/// A published version's WIT with other contents of the interface `adoption`.
fn wit_with_adopt(package: &str, signature: &str) -> String {
    format!("package {package};\ninterface adoption {{ adopt: func{signature}; }}\nworld other {{ export adoption; }}")
}

#[test]
fn what_is_not_webassembly_is_refused() {
    for bytes in [
        b"".to_vec(),
        b"\0asm".to_vec(),
        b"ALTER TABLE t".to_vec(),
        b"(component)".to_vec(),
        vec![0; 1_000],
    ] {
        let error = refusal(bytes);
        assert!(matches!(error, LoadError::NotWasm | LoadError::Invalid(_)), "{error}");
    }
    assert_eq!(
        refusal(b"\x7fELF....".to_vec()).to_string(),
        "the policy is not WebAssembly; name a component, a `.wasm` file"
    );
}

#[test]
fn a_core_module_is_told_from_a_component() {
    let module = wat::parse_str("(module)").expect("valid text");
    assert_eq!(
        refusal(module).to_string(),
        "the policy is a core module; make a component of it with `wasm-tools component new`"
    );
}

#[test]
fn a_truncated_component_is_refused_wherever_it_was_cut() {
    let whole = guest::adoption("", "(i32.const 16)");
    let mut still_whole = 0;
    for len in 0..whole.len() {
        match Component::load("cut", &whole[..len]) {
            Err(error) => assert!(!error.to_string().contains('\n'), "{error}"),
            // Nothing but a custom section at the end is missing, which says who built it.
            Ok(component) => {
                still_whole += 1;
                assert_eq!(
                    WasmPolicy::new(component).adopt(&AdoptionView::default()),
                    Ok(AdoptionVerdict::Adopt)
                );
            }
        }
    }
    assert!(still_whole <= 2, "{still_whole} cuts were not noticed");
}

#[test]
fn random_damage_never_gets_further_than_a_refusal_or_a_fault() {
    let whole = guest::adoption("", "(i32.const 16)");
    let mut random = 0x5eed_u64;
    for _ in 0..300 {
        let mut damaged = whole.clone();
        for _ in 0..3 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let place = 8 + (random >> 33) as usize % (damaged.len() - 8);
            damaged[place] = (random >> 24) as u8;
        }
        if let Ok(component) = Component::load("damaged", damaged) {
            let _ = WasmPolicy::new(component).adopt(&AdoptionView::default());
        }
    }
}

#[test]
fn a_component_that_wants_something_from_outside_is_refused() {
    let wit = "package test:outside;\ninterface clock { now: func() -> u64; }\nworld w { import clock; }";
    let module = r#"(module (import "test:outside/clock" "now" (func (result i64))))"#;
    assert_eq!(
        refusal(guest::component(wit, "w", module)).to_string(),
        "the policy imports test:outside/clock, but policies get nothing from outside; build it without WASI, \
         for wasm32-unknown-unknown"
    );
}

#[test]
fn a_component_without_a_slot_is_refused() {
    let wit = "package test:other;\nworld w { export run: func() -> u64; }";
    let module = r#"(module (func (export "run") (result i64) (i64.const 1)))"#;
    assert_eq!(
        refusal(guest::component(wit, "w", module)).to_string(),
        "the policy fills no slot; export outlast:policy/adoption@0.1.0, retry or staleness"
    );
}

#[test]
fn a_component_of_another_version_is_told_which_one_is_known() {
    for version in ["0.2.0", "0.1.1", "1.0.0"] {
        let wit = wit_with_adopt(&format!("outlast:policy@{version}"), "() -> u64");
        let name = format!("outlast:policy/adoption@{version}");
        let module = format!(r#"(module (func (export "{name}#adopt") (result i64) (i64.const 1)))"#);
        assert_eq!(
            refusal(guest::component(&wit, "other", &module)).to_string(),
            format!(
                "the policy exports {name}, but this program knows version 0.1.0 of outlast:policy; \
                 build it against that one"
            )
        );
    }
}

#[test]
fn a_function_of_another_type_is_refused() {
    let wit = wit_with_adopt("outlast:policy@0.1.0", "() -> u64");
    let module = r#"(module (func (export "outlast:policy/adoption@0.1.0#adopt") (result i64) (i64.const 1)))"#;
    let error = refusal(guest::component(&wit, "other", module));
    assert!(
        matches!(
            error,
            LoadError::WrongType {
                slot: Slot::Adoption,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn an_interface_without_its_function_is_refused() {
    let wit = "package outlast:policy@0.1.0;\ninterface adoption { other: func(); }\nworld other { export adoption; }";
    let module = r#"(module (func (export "outlast:policy/adoption@0.1.0#other")))"#;
    assert!(matches!(
        refusal(guest::component(wit, "other", module)),
        LoadError::NoSlot { .. }
    ));
}

#[test]
fn a_component_that_is_too_large_is_refused_without_being_read() {
    assert!(matches!(
        refusal(vec![0; MAX_COMPONENT_BYTES + 1]),
        LoadError::TooLarge { .. }
    ));
    let file = tempfile::NamedTempFile::with_suffix(".wasm").expect("a temporary file");
    file.as_file().set_len(1 << 40).expect("a sparse file");
    // Temporary names may hold what policy names may not; the size counts only for names that pass.
    let named = file.path().with_file_name(format!("large-{}.wasm", std::process::id()));
    std::fs::rename(file.path(), &named).expect("renamed");
    let error = Component::from_file(&named).expect_err("a tebibyte is too much");
    std::fs::remove_file(&named).expect("removed");
    assert!(matches!(error, LoadError::TooLarge { .. }), "{error}");
}

#[test]
fn a_component_followed_by_100_megabytes_is_refused_at_once() {
    let path = std::env::temp_dir().join(format!("huge-{}.wasm", std::process::id()));
    let mut bytes = guest::adoption("", "(i32.const 16)");
    // A custom section, of which a component may have any number.
    bytes.extend([0, 0x86, 0x80, 0x80, 0x30, 1, b'x']);
    bytes.resize(bytes.len() + 100_000_000, 7);
    std::fs::write(&path, &bytes).expect("written");
    let begun = std::time::Instant::now();
    let error = Component::from_file(&path).expect_err("100 MB are too much");
    let took = begun.elapsed();
    std::fs::remove_file(&path).expect("removed");
    assert!(matches!(error, LoadError::TooLarge { .. }), "{error}");
    assert!(took < std::time::Duration::from_secs(1), "refused after {took:?}");
}

/// Compilers work through nested code by recursion.
#[test]
fn deeply_nested_code_overflows_no_stack() {
    // Beyond some thousands, the parser of the text format itself gives up.
    for depth in [100, 1_000, 3_000] {
        let body = format!("{}{}(i32.const 16)", "block ".repeat(depth), "end ".repeat(depth));
        let begun = std::time::Instant::now();
        let component = Component::load("nested", guest::adoption("", &body)).expect("it is valid");
        assert_eq!(
            WasmPolicy::new(component).adopt(&AdoptionView::default()),
            Ok(AdoptionVerdict::Adopt)
        );
        let took = begun.elapsed();
        assert!(
            took < std::time::Duration::from_secs(20),
            "{depth} blocks took {took:?}"
        );
    }
}

#[test]
fn a_file_that_isnt_there_is_named() {
    let error = Component::from_file("no/such/patient.wasm").expect_err("there is no such file");
    assert_eq!(error.to_string(), "can't read the policy file no/such/patient.wasm");
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn a_name_that_cannot_stand_in_the_history_is_refused() {
    let bytes = guest::adoption("", "(i32.const 16)");
    for name in ["", "two words", "a/b", "naïve", &"x".repeat(65)] {
        assert!(
            matches!(Component::load(name, bytes.clone()), Err(LoadError::Name(_))),
            "{name}"
        );
    }
    assert!(Component::load("patient-2.1_b", bytes).is_ok());
}
