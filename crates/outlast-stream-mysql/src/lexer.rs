//! Splits SQL into tokens, as far as finding names, keywords, commas and parentheses needs it.

/// A piece of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// An unquoted word: keyword or name.
    Word(String),
    /// A name in backquotes (or double quotes, which may be a name or a text).
    Quoted(String),
    /// A text or number; its value does not matter here.
    Literal,
    /// One other character.
    Symbol(char),
}

impl Token {
    /// Whether this is the unquoted keyword, whatever its case.
    pub(crate) fn is(&self, keyword: &str) -> bool {
        matches!(self, Token::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    /// The name, if this can be one.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Token::Word(name) | Token::Quoted(name) => Some(name),
            Token::Literal | Token::Symbol(_) => None,
        }
    }
}

/// A token and where it begins and ends in the text, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spanned {
    pub(crate) token: Token,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Why a text can't be split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LexError {
    /// A quote or comment is not closed.
    Unclosed,
    /// `/*! … */` or `/*+ … */`: what is in it depends on the server's version.
    ConditionalComment,
}

/// Splits `sql`. Comments and white space are left out. `conditional` says whether `/*! … */` is skipped like any comment
/// (for statements of others, which are only searched for names) instead of refused.
pub(crate) fn tokens(sql: &str, skip_conditional: bool) -> Result<Vec<Spanned>, LexError> {
    let bytes = sql.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let start = at;
        let rest = &bytes[at..];
        let token = match byte {
            b if b.is_ascii_whitespace() => {
                at += 1;
                continue;
            }
            b'#' => {
                at = end_of_line(bytes, at);
                continue;
            }
            b'-' if rest.starts_with(b"--") && rest.get(2).is_none_or(|b| b.is_ascii_whitespace() || *b < 0x20) => {
                at = end_of_line(bytes, at);
                continue;
            }
            b'/' if rest.starts_with(b"/*") => {
                let conditional = matches!(rest.get(2), Some(b'!' | b'+'));
                if conditional && !skip_conditional {
                    return Err(LexError::ConditionalComment);
                }
                at = match conditional {
                    // Its content counts: a name in it is a name.
                    true => at + 3,
                    false => at + 2 + find(&bytes[at + 2..], b"*/").ok_or(LexError::Unclosed)? + 2,
                };
                continue;
            }
            b'*' if skip_conditional && rest.starts_with(b"*/") => {
                at += 2;
                continue;
            }
            b'`' | b'"' => {
                let (name, end) = quoted(bytes, at, byte)?;
                at = end;
                Token::Quoted(name)
            }
            b'\'' => {
                at = quoted(bytes, at, byte)?.1;
                Token::Literal
            }
            b if is_word(b) => {
                while bytes.get(at).is_some_and(|b| is_word(*b)) {
                    at += 1;
                }
                let word = &sql[start..at];
                if word.bytes().all(|b| b.is_ascii_digit()) {
                    Token::Literal
                } else {
                    Token::Word(word.to_owned())
                }
            }
            b => {
                at += 1;
                Token::Symbol(char::from(b))
            }
        };
        found.push(Spanned { token, start, end: at });
    }
    Ok(found)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte == b'@' || byte >= 0x80
}

fn end_of_line(bytes: &[u8], from: usize) -> usize {
    bytes[from..]
        .iter()
        .position(|b| *b == b'\n')
        .map_or(bytes.len(), |n| from + n + 1)
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// The content of the quotes that begin at `start`, and where they end. Doubled quotes stand for one; in texts, a
/// backslash protects the next byte.
fn quoted(bytes: &[u8], start: usize, quote: u8) -> Result<(String, usize), LexError> {
    let mut content = Vec::new();
    let mut at = start + 1;
    loop {
        match bytes.get(at) {
            None => return Err(LexError::Unclosed),
            Some(b) if *b == quote && bytes.get(at + 1) == Some(&quote) => {
                content.push(quote);
                at += 2;
            }
            Some(b) if *b == quote => return Ok((String::from_utf8_lossy(&content).into_owned(), at + 1)),
            Some(b'\\') if quote != b'`' => {
                content.extend(bytes.get(at + 1));
                at += 2;
            }
            Some(b) => {
                content.push(*b);
                at += 1;
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn words(sql: &str) -> Vec<Token> {
        tokens(sql, false).unwrap().into_iter().map(|t| t.token).collect()
    }

    #[test]
    fn names_texts_and_comments_are_told_apart() {
        let word = |w: &str| Token::Word(w.to_owned());
        assert_eq!(
            words("ALTER /* c ' */ TABLE `a``b` -- x\n ADD c INT COMMENT 'it''s, \\' (' # y"),
            [
                word("ALTER"),
                word("TABLE"),
                Token::Quoted("a`b".to_owned()),
                word("ADD"),
                word("c"),
                word("INT"),
                word("COMMENT"),
                Token::Literal
            ]
        );
    }

    #[test]
    fn what_depends_on_the_server_s_version_is_refused() {
        assert_eq!(
            tokens("ALTER TABLE t /*!80000 ADD c INT */", false),
            Err(LexError::ConditionalComment)
        );
        assert_eq!(tokens("ALTER TABLE `t", false), Err(LexError::Unclosed));
    }

    #[test]
    fn emoji_in_names_keep_the_positions_right() {
        let sql = "ALTER TABLE `😀` ADD 😀 INT";
        let found = tokens(sql, false).unwrap();
        assert_eq!(&sql[found[2].start..found[2].end], "`😀`");
        assert_eq!(found[4].token, Token::Word("😀".to_owned()));
    }
}
