//! A workflow as a Mermaid flowchart.
//!
//! Every task is a node or, where it holds others, a subgraph; every way that control can take is an edge. The ids of nodes are numbers of
//! tasks behind a letter, so that no name of a task can be a word of Mermaid's grammar, and names stand in quoted labels only. All edges come
//! after all nodes, because Mermaid puts a node into the subgraph in which it is named first. The same document always gives the same text.

mod draw;
mod label;

#[cfg(test)]
mod tests;

use sandmill_core::definition::Definition;

/// Draws a definition: the text of one Mermaid diagram, without a fence around it.
#[must_use]
pub fn graph(definition: &Definition) -> String {
    draw::draw(definition)
}
