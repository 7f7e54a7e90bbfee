//! What texts are cut to, so that a long one never makes its own transaction fail (invariant I13).

/// Characters of a message or an event's detail. At up to four bytes each they fit a TEXT (65,535 bytes).
pub(crate) const MESSAGE: usize = 4000;
/// Characters of an agent's name or a policy's.
pub(crate) const NAME: usize = 255;
/// Characters of the kind of an event.
pub(crate) const KIND: usize = 64;

/// The first `limit` characters; a text that was cut ends with `…`.
pub(crate) fn cut(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some(_) => text.chars().take(limit.saturating_sub(1)).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters_and_shows_it() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöüß", 3), "äö…");
        assert_eq!(cut("", 3), "");
    }

    #[test]
    fn the_longest_message_fits_its_column() {
        assert!(cut(&"𝄞".repeat(MESSAGE + 1), MESSAGE).len() <= 65_535);
    }
}
