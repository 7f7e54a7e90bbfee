//! Components written as text.

use std::path::Path;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The published WIT.
pub(crate) fn wit() -> String {
    let wit = "policies/wit/0.1.0/outlast-policy.wit";
    let folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let path = folders.map(|folder| folder.join(wit)).find(|path| path.exists());
    let path = path.expect("the WIT is part of the repository");
    std::fs::read_to_string(path).expect("the WIT is part of the repository")
}

/// A component of `module`, the text of a core module, for a world of `wit`.
pub(crate) fn component(wit: &str, world: &str, module: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("test.wit", wit).expect("the test's WIT is valid");
    let world = resolve.select_world(&[package], Some(world)).expect("the world exists");
    let mut module = wat::parse_str(module).expect("the test's text is valid");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("metadata is embedded");
    let mut encoder = ComponentEncoder::default()
        .validate(true)
        .module(&module)
        .expect("the module fits the world");
    encoder.encode().expect("the module becomes a component")
}

/// An adoption policy whose `adopt` does `body`, which leaves the address of a verdict on the stack.
///
/// At address 16 stands `adopt`; `extra` are further fields of the module.
pub(crate) fn adoption(extra: &str, body: &str) -> Vec<u8> {
    let module = format!(
        r#"(module
            (memory (export "memory") 2)
            (global $free (mut i32) (i32.const 1024))
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                (global.set $free (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
                (global.get $free)
                (global.set $free (i32.add (global.get $free) (local.get 3))))
            {extra}
            (func (export "outlast:policy/adoption@0.1.0#adopt") (param i32) (result i32) {body}))"#
    );
    component(&wit(), "adoption-policy", &module)
}
