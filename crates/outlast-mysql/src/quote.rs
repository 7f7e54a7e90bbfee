//! Quoting, the only way that names and texts get into statements.

/// A name in backquotes.
pub fn identifier(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// `schema`.`table` in backquotes.
pub fn table(schema: &str, table: &str) -> String {
    format!("{}.{}", identifier(schema), identifier(table))
}

/// A text literal that no `sql_mode` reads differently: hexadecimal digits with a character set in front.
pub fn text(value: &str) -> String {
    format!("_utf8mb4 {}", hex(value.as_bytes()))
}

/// A binary literal `x'…'`.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut literal = String::with_capacity(bytes.len() * 2 + 3);
    literal.push_str("x'");
    for byte in bytes {
        // Writing to a String does not fail.
        let _ = write!(literal, "{byte:02X}");
    }
    literal.push('\'');
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_backquotes_stays_a_name() {
        assert_eq!(identifier("a`; DROP TABLE b; --"), "`a``; DROP TABLE b; --`");
        assert_eq!(table("s`", "t"), "`s```.`t`");
    }

    #[test]
    fn a_text_can_not_end_its_literal() {
        assert_eq!(text("a'\\"), "_utf8mb4 x'61275C'");
    }
}
