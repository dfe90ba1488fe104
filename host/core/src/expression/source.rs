//! The text of an expression: its bounds, its syntax, and where it is wrong.
//!
//! The parser of the engine goes as deep into the stack as the text is nested, so the text is bounded before it is parsed.

use jaq_core::compile::{Errors, Undefined};
use jaq_core::load::lex::{Lexer, StrPart, Tok, Token};
use jaq_core::load::parse::{Parser, Term};

use super::ExpressionError;

/// The longest expression. The longest ones of real workflows have a few hundred bytes.
pub const SOURCE_BYTES_MAX: usize = 16 * 1024;

/// Brackets in brackets. Twenty are hard to read.
const NESTING_MAX: usize = 64;

/// Operators, names and numbers on one way from the root of an expression to its innermost brackets: each may be one more step down the
/// stack of the parser and of the interpreter. Members of an object and arguments of a call are ways of their own, and one step each.
const STEPS_MAX: usize = 200;

/// The expression in a string that is wholly `${ ... }`, which is what makes a string an expression; `None` for any other string.
#[must_use]
pub fn parse_expression(text: &str) -> Option<&str> {
    text.trim().strip_prefix("${")?.strip_suffix('}').map(str::trim)
}

/// The syntax tree of an expression within the bounds.
pub(super) fn parse(text: &str) -> Result<Term<&str>, ExpressionError> {
    bound(text)?;
    let tokens = Lexer::new(text).lex().map_err(|errors| {
        let at = errors.first().map(|(_, rest)| offset(text, rest));
        ExpressionError {
            reason: "a string, a bracket or a number is not complete, or a character means nothing here".into(),
            at,
        }
    })?;
    bound_steps(&tokens, ";", 0)?;
    Parser::new(&tokens).parse(|parser| parser.term()).map_err(|errors| {
        let Some((expected, found)) = errors.first() else { return too_much("its syntax cannot be read") };
        let found_text = found.map_or("the end", |Token(part, _)| part);
        let reason = format!("expected {}, found `{}`", expected.as_str(), first_word(found_text));
        ExpressionError { reason, at: Some(found.map_or(text.len(), |Token(part, _)| offset(text, part))) }
    })
}

/// What the compiler did not know, with where it stands.
pub(super) fn undefined(text: &str, errors: &Errors<&str, ()>) -> ExpressionError {
    let Some((name, kind)) = errors.iter().flat_map(|(_, errors)| errors).next() else {
        return too_much("the expression cannot be compiled");
    };
    let reason = match kind {
        Undefined::Filter(arity) => format!("there is no function `{name}` with {arity} arguments"),
        other => format!("there is no {} `{name}`", other.as_str()),
    };
    ExpressionError { reason, at: text.find(name) }
}

fn bound(text: &str) -> Result<(), ExpressionError> {
    if text.trim().is_empty() {
        return Err(too_much("the expression is empty: write `.` for its input"));
    }
    if text.len() > SOURCE_BYTES_MAX {
        return Err(too_much(&format!("the expression has {} bytes, and {SOURCE_BYTES_MAX} are allowed", text.len())));
    }
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > NESTING_MAX {
            let reason = format!("the expression has more than {NESTING_MAX} brackets in brackets");
            return Err(ExpressionError { reason, at: Some(at) });
        }
    }
    Ok(())
}

/// Counts the steps to the innermost brackets.
fn bound_steps(tokens: &[Token<&str>], separator: &str, above: usize) -> Result<(), ExpressionError> {
    let separators = tokens.iter().filter(|Token(text, _)| *text == separator).count();
    for way in tokens.split(|Token(text, _)| *text == separator) {
        let steps = above + separators + way.len();
        if steps > STEPS_MAX {
            let reason = format!(
                "the expression has more than {STEPS_MAX} operators, names and numbers in a row: split it over several tasks"
            );
            return Err(too_much(&reason));
        }
        way.iter().try_for_each(|token| bound_inside(token, steps))?;
    }
    Ok(())
}

fn bound_inside(Token(text, token): &Token<&str>, above: usize) -> Result<(), ExpressionError> {
    match token {
        Tok::Block(inner) if text.starts_with('{') => bound_steps(inner, ",", above),
        Tok::Block(inner) => bound_steps(inner, ";", above),
        Tok::Str(parts) => parts.iter().try_for_each(|part| match part {
            StrPart::Term(token) => bound_inside(token, above),
            StrPart::Str(_) | StrPart::Char(_) => Ok(()),
        }),
        _ => Ok(()),
    }
}

pub(super) fn too_much(reason: &str) -> ExpressionError {
    ExpressionError { reason: reason.into(), at: None }
}

/// Where a part of the text stands in it: the parts are slices of the whole.
pub(super) fn offset(whole: &str, part: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize).min(whole.len())
}

fn first_word(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or(text)
}
