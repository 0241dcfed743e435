//! The one tokeniser (`text::tokenize`) in tantivy's form. Never changes a token.

use tantivy::tokenizer::{TextAnalyzer, Token, TokenStream, Tokenizer, TokenizerManager};

use super::schema::written_exactly;
use crate::text::{Tokens, tokenize};

/// The name under which the schema refers to it.
pub(super) const NAME: &str = "overheard";

/// The name of the one that keeps only words which are written otherwise than folded.
pub(super) const EXACT: &str = "overheard_exact";

/// The tokenisers of an index: only ours.
pub(super) fn tokenizers() -> TokenizerManager {
    let manager = TokenizerManager::default();
    manager.register(NAME, TextAnalyzer::from(OneTokenizer { exact: false }));
    manager.register(EXACT, TextAnalyzer::from(OneTokenizer { exact: true }));
    manager
}

#[derive(Debug, Clone, Copy)]
struct OneTokenizer {
    exact: bool,
}

impl Tokenizer for OneTokenizer {
    type TokenStream<'a> = Stream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Stream<'a> {
        Stream {
            exact: self.exact,
            text,
            tokens: tokenize(text),
            token: Token::default(),
        }
    }
}

struct Stream<'a> {
    exact: bool,
    text: &'a str,
    tokens: Tokens<'a>,
    token: Token,
}

impl TokenStream for Stream<'_> {
    fn advance(&mut self) -> bool {
        let written = |token: &crate::text::Token<'_>| &self.text[token.start..token.end];
        let exact = self.exact;
        let next = self
            .tokens
            .find(|token| !exact || token.text != written(token));
        let Some(next) = next else {
            return false;
        };
        self.token.text.clear();
        match exact {
            true => self
                .token
                .text
                .push_str(&written_exactly(&next.text, written(&next))),
            false => self.token.text.push_str(&next.text),
        }
        self.token.offset_from = next.start;
        self.token.offset_to = next.end;
        self.token.position = next.position;
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}
