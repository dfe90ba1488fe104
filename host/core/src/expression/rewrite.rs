//! Puts counters into the syntax tree of a filter, and finds out what the filter uses.
//!
//! - every definition begins with a `!tick`, so that what repeats is counted;
//! - what iterates is followed by an `!element`, so that products of iterations are counted;
//! - what makes values is followed by a `!size` or a `!weigh`, so that nothing grows or nests without bound before it is noticed;
//! - what goes through whole values is preceded by a `!weigh` of them.
//!
//! Expressions may define functions, and those may not call themselves: the recursion that jq's own library offers runs on a stack of
//! bounded depth, and that of an expression would not.

use std::borrow::Cow;
use std::collections::BTreeSet;

use jaq_core::load::Arena;
use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Def, Pattern, Term};
use jaq_core::ops::Math;
use jaq_core::path::{Part, Path};

use super::natives::{self, Charge};
use super::{ExpressionError, source};
use crate::value::canonical_digits;

/// The name of the definition that holds an expression. Nothing but its own call can name it.
pub(super) const ENTRY: &str = "sandmill_expression_entry";

/// Terms in terms. The text is bounded in brackets and in parts; this bounds the tree, whatever the text looked like.
const DEPTH_MAX: usize = 120;

/// A function, by its name and the number of its arguments.
pub(super) type Signature<'s> = (&'s str, usize);

/// The members of an object; `None` where the name says what the value is.
type Members<'s> = Vec<(Term<&'s str>, Option<Term<&'s str>>)>;

/// A filter with counters.
pub(super) struct Rewritten<'s> {
    term: Term<&'s str>,
    /// The functions that it calls and does not define.
    pub(super) calls: BTreeSet<Signature<'s>>,
    /// The global variables that it uses, without `$`.
    pub(super) variables: Vec<&'s str>,
}

impl<'s> Rewritten<'s> {
    /// The filter as a definition of its own.
    pub(super) fn into_definition(self) -> Def<&'s str> {
        Def { name: ENTRY, args: Vec::new(), body: self.term }
    }
}

/// Rewrites an expression that may use the given variables. The arena takes text that the expression does not have.
pub(super) fn rewrite<'s>(
    text: &'s str,
    term: Term<&'s str>,
    variables: &[&str],
    arena: &'s Arena,
) -> Result<Rewritten<'s>, ExpressionError> {
    let mut rewriter = Rewriter { arena: Some(arena), ..Rewriter::new(text, Some(variables)) };
    rewriter.open.push((ENTRY, 0));
    let term = rewriter.term(term)?;
    Ok(Rewritten { term, calls: rewriter.calls, variables: rewriter.used })
}

/// Rewrites a definition of jq's library, with the functions that it calls.
pub(super) fn rewrite_library(definition: Def<&'static str>) -> (Def<&'static str>, BTreeSet<Signature<'static>>) {
    let mut rewriter = Rewriter::new("", None);
    let rewritten = rewriter.definition(definition).expect("jq's library keeps within the bounds");
    (rewritten, rewriter.calls)
}

struct Rewriter<'s, 'v> {
    text: &'s str,
    /// Where text goes that is made; the library needs none.
    arena: Option<&'s Arena>,
    /// The global variables of an expression; `None` in the library, which has none and is trusted with recursion.
    globals: Option<&'v [&'v str]>,
    used: Vec<&'s str>,
    calls: BTreeSet<Signature<'s>>,
    /// Definitions whose body is being rewritten.
    open: Vec<Signature<'s>>,
    /// Local functions, arguments and variables, innermost last.
    locals: Vec<Signature<'s>>,
    variables: Vec<&'s str>,
    depth: usize,
}

type Rewriting<'s> = Result<Term<&'s str>, ExpressionError>;

impl<'s, 'v> Rewriter<'s, 'v> {
    fn new(text: &'s str, globals: Option<&'v [&'v str]>) -> Self {
        Self {
            text,
            arena: None,
            globals,
            used: Vec::new(),
            calls: BTreeSet::new(),
            open: Vec::new(),
            locals: Vec::new(),
            variables: Vec::new(),
            depth: 0,
        }
    }

    fn term(&mut self, term: Term<&'s str>) -> Rewriting<'s> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(source::too_much(&format!("the expression is nested more than {DEPTH_MAX} steps deep")));
        }
        let rewritten = self.term_inside(term);
        self.depth -= 1;
        rewritten
    }

    fn term_inside(&mut self, term: Term<&'s str>) -> Rewriting<'s> {
        Ok(match term {
            Term::Id | Term::Break(_) => term,
            Term::Num(digits) => Term::Num(self.number(digits)),
            Term::Recurse => then(Term::Recurse, "!element"),
            Term::Str(format, parts) => self.string(format, parts)?,
            Term::Arr(None) => Term::Arr(None),
            Term::Arr(Some(items)) => then(Term::Arr(Some(self.boxed(*items)?)), "!weigh"),
            Term::Obj(members) if members.is_empty() => Term::Obj(members),
            Term::Obj(members) => then(Term::Obj(self.members(members)?), "!weigh"),
            Term::Neg(inner) => Term::Neg(self.boxed(*inner)?),
            Term::BinOp(left, operator, right) => self.operation(*left, operator, *right)?,
            Term::Label(name, inner) => Term::Label(name, self.boxed(*inner)?),
            Term::Fold(kind, source, pattern, parts) => self.fold(kind, *source, pattern, parts)?,
            Term::TryCatch(tried, caught) => {
                let caught = caught.map(|caught| self.boxed(*caught)).transpose()?;
                Term::TryCatch(self.boxed(*tried)?, caught)
            }
            Term::IfThenElse(cases, otherwise) => {
                let cases = cases.into_iter().map(|(when, then)| Ok((self.term(when)?, self.term(then)?)));
                let cases = cases.collect::<Result<_, _>>()?;
                Term::IfThenElse(cases, otherwise.map(|term| self.boxed(*term)).transpose()?)
            }
            Term::Def(definitions, inner) => self.with_definitions(definitions, *inner)?,
            Term::Call(name, arguments) => self.call(name, arguments)?,
            Term::Var(name) => self.variable(name)?,
            Term::Path(head, path) => self.path(*head, path)?,
        })
    }

    fn boxed(&mut self, term: Term<&'s str>) -> Result<Box<Term<&'s str>>, ExpressionError> {
        self.term(term).map(Box::new)
    }

    /// A number in the way in which it is stored, so that the value of an expression is the same before and after.
    fn number(&self, digits: &'s str) -> &'s str {
        match (canonical_digits(digits), self.arena) {
            (Cow::Owned(other), Some(arena)) if other != digits => arena.alloc(other),
            _ => digits,
        }
    }

    /// What is interpolated is gone through and charged by its length. Where a format is named, what comes of that is as long as it is.
    fn string(&mut self, format: Option<&'s str>, parts: Vec<StrPart<&'s str, Term<&'s str>>>) -> Rewriting<'s> {
        if let Some(format) = format {
            self.calls.insert((format, 0));
        }
        let is_plain = format.is_none();
        let is_constant = parts.iter().all(|part| !matches!(part, StrPart::Term(_)));
        let parts = parts.into_iter().map(|part| match part {
            StrPart::Term(term) if is_plain => Ok(StrPart::Term(self.term(term)?)),
            StrPart::Term(term) => Ok(StrPart::Term(then(self.term(term)?, "!weigh"))),
            other => Ok(other),
        });
        let parts = parts.collect::<Result<_, ExpressionError>>()?;
        Ok(match format {
            _ if is_constant => Term::Str(format, parts),
            None => Term::Str(Some("!text"), parts),
            Some(_) => then(Term::Str(format, parts), "!size"),
        })
    }

    fn members(&mut self, members: Members<'s>) -> Result<Members<'s>, ExpressionError> {
        let member = |(name, value): (Term<&'s str>, Option<Term<&'s str>>)| {
            // `{a}` and `{$a}` take the value of that name: the name must stay as it is.
            let Some(value) = value else {
                if let Term::Var(name) = name {
                    self.variable(name)?;
                }
                return Ok((name, None));
            };
            let name = if matches!(name, Term::Str(..)) { name } else { self.term(name)? };
            Ok((name, Some(self.term(value)?)))
        };
        members.into_iter().map(member).collect()
    }

    fn operation(&mut self, left: Term<&'s str>, operator: BinaryOp<&'s str>, right: Term<&'s str>) -> Rewriting<'s> {
        let is_cheap = is_literal(&left) || is_literal(&right) || self.globals.is_none();
        let left = self.term(left)?;
        let (left, operator, right) = match operator {
            BinaryOp::Pipe(Some(pattern)) => {
                let (pattern, right) = self.with_pattern(pattern, right)?;
                (then(left, "!bind"), BinaryOp::Pipe(Some(pattern)), right)
            }
            other => (left, other, self.term(right)?),
        };
        let operation = |left, operator, right| Term::BinOp(Box::new(left), operator, Box::new(right));
        Ok(match operator {
            BinaryOp::Math(Math::Mul) => Term::Call("!multiply", vec![left, right]),
            BinaryOp::Math(Math::Add | Math::Rem) => then(operation(left, operator, right), "!size"),
            BinaryOp::Math(_) => then(operation(then(left, "!weigh"), operator, then(right, "!weigh")), "!weigh"),
            BinaryOp::Cmp(_) if !is_cheap => operation(then(left, "!weigh"), operator, then(right, "!weigh")),
            BinaryOp::UpdateMath(Math::Mul) => {
                return Err(source::too_much("`*=` is not available: write `|= . * ...`"));
            }
            BinaryOp::Assign | BinaryOp::Update | BinaryOp::UpdateMath(_) | BinaryOp::UpdateAlt => {
                then(operation(left, operator, right), "!weigh")
            }
            _ => operation(left, operator, right),
        })
    }

    fn fold(
        &mut self,
        kind: &'s str,
        source: Term<&'s str>,
        pattern: Pattern<&'s str>,
        mut parts: Vec<Term<&'s str>>,
    ) -> Rewriting<'s> {
        let source = self.boxed(source)?;
        // The first part is the initial value, which does not see the variables.
        let initial = if parts.is_empty() { None } else { Some(self.term(parts.remove(0))?) };
        let variables = self.variables.len();
        let pattern = self.pattern(pattern)?;
        let rest = parts.into_iter().map(|part| self.term(part)).collect::<Result<Vec<_>, _>>();
        self.variables.truncate(variables);
        Ok(Term::Fold(kind, source, pattern, initial.into_iter().chain(rest?).collect()))
    }

    fn with_pattern(
        &mut self,
        pattern: Pattern<&'s str>,
        inner: Term<&'s str>,
    ) -> Result<(Pattern<&'s str>, Term<&'s str>), ExpressionError> {
        let variables = self.variables.len();
        let pattern = self.pattern(pattern)?;
        let inner = self.term(inner);
        self.variables.truncate(variables);
        Ok((pattern, inner?))
    }

    fn pattern(&mut self, pattern: Pattern<&'s str>) -> Result<Pattern<&'s str>, ExpressionError> {
        Ok(match pattern {
            Pattern::Var(name) => {
                self.variables.push(name);
                Pattern::Var(name)
            }
            Pattern::Arr(items) => {
                Pattern::Arr(items.into_iter().map(|item| self.pattern(item)).collect::<Result<_, _>>()?)
            }
            Pattern::Obj(members) => {
                let members = members.into_iter().map(|(name, inner)| {
                    if let Term::Var(name) = name {
                        self.variables.push(name);
                        return Ok((Term::Var(name), self.pattern(inner)?));
                    }
                    let name = if matches!(name, Term::Str(..)) { name } else { self.term(name)? };
                    Ok((name, self.pattern(inner)?))
                });
                Pattern::Obj(members.collect::<Result<_, ExpressionError>>()?)
            }
        })
    }

    fn with_definitions(&mut self, definitions: Vec<Def<&'s str>>, inner: Term<&'s str>) -> Rewriting<'s> {
        let locals = self.locals.len();
        let mut rewritten = Vec::new();
        for definition in definitions {
            let signature = (definition.name, definition.args.len());
            rewritten.push(self.definition(definition)?);
            self.locals.push(signature);
        }
        let inner = self.boxed(inner)?;
        self.locals.truncate(locals);
        Ok(Term::Def(rewritten, inner))
    }

    fn definition(&mut self, definition: Def<&'s str>) -> Result<Def<&'s str>, ExpressionError> {
        let Def { name, args, body } = definition;
        let (locals, variables) = (self.locals.len(), self.variables.len());
        self.open.push((name, args.len()));
        for argument in &args {
            match argument.strip_prefix('$') {
                // `$x` as an argument is a variable and a function.
                Some(function) => {
                    self.variables.push(argument);
                    self.locals.push((function, 0));
                }
                None => self.locals.push((argument, 0)),
            }
        }
        let body = self.term(body)?;
        self.locals.truncate(locals);
        self.variables.truncate(variables);
        self.open.pop();
        Ok(Def { name, args, body: pipe(Term::Call("!tick", Vec::new()), body) })
    }

    fn call(&mut self, name: &'s str, arguments: Vec<Term<&'s str>>) -> Rewriting<'s> {
        let signature = (name, arguments.len());
        let is_local = self.locals.contains(&signature);
        let is_open = self.open.contains(&signature) && !is_local;
        if is_open && self.globals.is_some() {
            let reason = format!(
                "`{name}` calls itself, which an expression may not: use `recurse`, `while`, `until`, `range` or `reduce`"
            );
            return Err(ExpressionError { reason, at: Some(source::offset(self.text, name)) });
        }
        let arguments = arguments.into_iter().map(|argument| self.term(argument)).collect::<Result<Vec<_>, _>>()?;
        if is_local || is_open {
            return Ok(Term::Call(name, arguments));
        }
        self.calls.insert(signature);
        Ok(match natives::charge(name, arguments.len()) {
            None | Some(Charge::Nothing) => Term::Call(name, arguments),
            Some(Charge::Size) => then(pipe(Term::Call("!size", Vec::new()), Term::Call(name, arguments)), "!size"),
            Some(Charge::Weight) => {
                let weighed = arguments.into_iter().map(|argument| then(argument, "!weigh")).collect();
                then(pipe(Term::Call("!weigh", Vec::new()), Term::Call(name, weighed)), "!weigh")
            }
        })
    }

    fn variable(&mut self, name: &'s str) -> Rewriting<'s> {
        let Some(globals) = self.globals else { return Ok(Term::Var(name)) };
        let bare = name.trim_start_matches('$');
        if self.variables.contains(&name) || name == "$__loc__" {
            return Ok(Term::Var(name));
        }
        if !globals.contains(&bare) {
            let known: Vec<_> = globals.iter().map(|known| format!("${known}")).collect();
            let reason = format!("there is no variable `${bare}` here; there are {}", known.join(", "));
            return Err(ExpressionError { reason, at: Some(source::offset(self.text, name)) });
        }
        if !self.used.contains(&bare) {
            self.used.push(bare);
        }
        Ok(Term::Var(name))
    }

    /// Every step that iterates is counted by itself, for the next one multiplies it.
    fn path(&mut self, head: Term<&'s str>, path: Path<Term<&'s str>>) -> Rewriting<'s> {
        let mut whole = self.term(head)?;
        let mut steps = Vec::new();
        for (part, optional) in path.0 {
            let iterates = matches!(part, Part::Range(None, None));
            let part = match part {
                Part::Index(index) => Part::Index(self.index(index)?),
                Part::Range(from, to) => {
                    let mut bound = |term: Option<Term<&'s str>>| term.map(|term| self.term(term)).transpose();
                    Part::Range(bound(from)?, bound(to)?)
                }
            };
            steps.push((part, optional));
            if iterates {
                whole = then(Term::Path(Box::new(whole), Path(std::mem::take(&mut steps))), "!element");
            }
        }
        Ok(if steps.is_empty() { whole } else { Term::Path(Box::new(whole), Path(steps)) })
    }

    /// The name of a member stays as it is, for most paths are made of them.
    fn index(&mut self, index: Term<&'s str>) -> Rewriting<'s> {
        match index {
            Term::Str(..) if is_literal(&index) => Ok(index),
            index => self.term(index),
        }
    }
}

fn is_literal(term: &Term<&str>) -> bool {
    match term {
        Term::Num(_) => true,
        Term::Str(None, parts) => parts.iter().all(|part| !matches!(part, StrPart::Term(_))),
        Term::Call("true" | "false" | "null", arguments) => arguments.is_empty(),
        _ => false,
    }
}

fn then<'s>(term: Term<&'s str>, counter: &'s str) -> Term<&'s str> {
    pipe(term, Term::Call(counter, Vec::new()))
}

fn pipe<'s>(left: Term<&'s str>, right: Term<&'s str>) -> Term<&'s str> {
    Term::BinOp(Box::new(left), BinaryOp::Pipe(None), Box::new(right))
}
