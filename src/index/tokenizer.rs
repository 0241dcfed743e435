//! The one tokeniser (`text::tokenize`) in tantivy's form. Never changes a token.

use tantivy::tokenizer::{TextAnalyzer, Token, TokenStream, Tokenizer, TokenizerManager};

use crate::text::{Tokens, tokenize};

/// The name under which the schema refers to it.
pub(super) const NAME: &str = "overheard";

/// The tokenisers of an index: only ours.
pub(super) fn tokenizers() -> TokenizerManager {
    let manager = TokenizerManager::default();
    manager.register(NAME, TextAnalyzer::from(OneTokenizer));
    manager
}

#[derive(Debug, Clone, Copy)]
struct OneTokenizer;

impl Tokenizer for OneTokenizer {
    type TokenStream<'a> = Stream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Stream<'a> {
        Stream {
            tokens: tokenize(text),
            token: Token::default(),
        }
    }
}

struct Stream<'a> {
    tokens: Tokens<'a>,
    token: Token,
}

impl TokenStream for Stream<'_> {
    fn advance(&mut self) -> bool {
        let Some(next) = self.tokens.next() else {
            return false;
        };
        self.token.text.clear();
        self.token.text.push_str(&next.text);
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
