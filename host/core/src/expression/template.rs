//! Values with expressions in them: `with`, `set`, `input.from` and their like.
//!
//! A string that is wholly `${ ... }` is an expression; everything else stands for itself, and is shared by all evaluations. What an
//! expression gives is never looked at again: there is no expression in data.

use super::{Environment, EvaluationError, ExpressionError, Filter, Scope, parse_expression};
use crate::ids::JsonPointer;
use crate::value::Value;

/// What a string is that is not `${ ... }`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Itself.
    Strict,
    /// An expression, at the root: for members that hold nothing else.
    Loose,
}

/// A value with expressions in it, compiled.
#[derive(Debug)]
pub struct Template(Shape);

#[derive(Debug)]
enum Shape {
    Constant(Value),
    Expression(Box<Filter>),
    /// Text that is evaluated where that gives something, and else stands for itself.
    Lenient(Box<Filter>, Value),
    Array(Vec<Shape>),
    Object(Vec<(String, Shape)>),
}

impl Template {
    /// Compiles a value whose expressions may use the given variables, named without `$`. An error names the place in the value.
    pub fn compile(value: &Value, variables: &[&str], mode: Mode) -> Result<Self, (JsonPointer, ExpressionError)> {
        if let (Mode::Loose, Some(text)) = (mode, value.as_str()) {
            let source = parse_expression(&text).unwrap_or(&text);
            let filter = Filter::compile(source, variables).map_err(|error| (JsonPointer::root(), error))?;
            return Ok(Self(Shape::Expression(Box::new(filter))));
        }
        shape(value, variables, &JsonPointer::root()).map(Self)
    }

    /// A value without expressions.
    pub(crate) const fn constant(value: Value) -> Self {
        Self(Shape::Constant(value))
    }

    /// What an expression gives.
    pub(crate) fn expression(filter: Filter) -> Self {
        Self(Shape::Expression(Box::new(filter)))
    }

    /// What an expression gives; the value where it fails. One that uses too much is an error all the same.
    pub(crate) fn lenient(filter: Filter, value: Value) -> Self {
        Self(Shape::Lenient(Box::new(filter), value))
    }

    /// The array `value` with what its elements were compiled to.
    pub(crate) fn array(value: &Value, items: impl IntoIterator<Item = Self>) -> Self {
        let items: Vec<Shape> = items.into_iter().map(|item| item.0).collect();
        Self(if items.iter().all(is_constant) { Shape::Constant(value.clone()) } else { Shape::Array(items) })
    }

    /// The object `value` with what its members were compiled to.
    pub(crate) fn object(value: &Value, members: impl IntoIterator<Item = (String, Self)>) -> Self {
        let members: Vec<(String, Shape)> = members.into_iter().map(|(name, member)| (name, member.0)).collect();
        let all_constant = members.iter().all(|(_, member)| is_constant(member));
        Self(if all_constant { Shape::Constant(value.clone()) } else { Shape::Object(members) })
    }

    /// The value for an input and its surroundings.
    pub fn evaluate(
        &self,
        input: &Value,
        scope: &dyn Scope,
        environment: &Environment,
    ) -> Result<Value, EvaluationError> {
        evaluate(&self.0, input, scope, environment)
    }

    /// True where there is no expression in it.
    #[must_use]
    pub const fn is_constant(&self) -> bool {
        matches!(self.0, Shape::Constant(_))
    }
}

fn shape(value: &Value, variables: &[&str], place: &JsonPointer) -> Result<Shape, (JsonPointer, ExpressionError)> {
    if let Some(source) = value.as_str().as_deref().and_then(parse_expression) {
        let filter = Filter::compile(source, variables).map_err(|error| (place.clone(), error))?;
        return Ok(Shape::Expression(Box::new(filter)));
    }
    if let Some(items) = value.iter_array() {
        let items = items.enumerate().map(|(index, item)| shape(&item, variables, &place.index(index)));
        let items = items.collect::<Result<Vec<_>, _>>()?;
        return Ok(if items.iter().all(is_constant) { Shape::Constant(value.clone()) } else { Shape::Array(items) });
    }
    if let Some(members) = value.entries() {
        let members =
            members.map(|(name, member)| Ok((name.to_string(), shape(&member, variables, &place.child(&name))?)));
        let members = members.collect::<Result<Vec<_>, _>>()?;
        let all_constant = members.iter().all(|(_, member)| is_constant(member));
        return Ok(if all_constant { Shape::Constant(value.clone()) } else { Shape::Object(members) });
    }
    Ok(Shape::Constant(value.clone()))
}

const fn is_constant(shape: &Shape) -> bool {
    matches!(shape, Shape::Constant(_))
}

fn evaluate(
    shape: &Shape,
    input: &Value,
    scope: &dyn Scope,
    environment: &Environment,
) -> Result<Value, EvaluationError> {
    let inner = |shape: &Shape| evaluate(shape, input, scope, environment);
    Ok(match shape {
        Shape::Constant(value) => value.clone(),
        Shape::Expression(filter) => filter.evaluate(input, scope, environment)?,
        Shape::Lenient(filter, value) => match filter.evaluate(input, scope, environment) {
            Err(EvaluationError::Failed { .. } | EvaluationError::Several { .. }) => value.clone(),
            evaluated => evaluated?,
        },
        Shape::Array(items) => Value::array(items.iter().map(inner).collect::<Result<Vec<_>, _>>()?),
        Shape::Object(members) => {
            let members = members.iter().map(|(name, member)| Ok((name.as_str(), inner(member)?)));
            Value::object(members.collect::<Result<Vec<_>, _>>()?)
        }
    })
}
