Feature: Set
  What a set task says is its output: nothing of its input stays.

  Scenario: The output holds what is set and nothing else
    Given a workflow with definition:
      """yaml
      do:
        - put: { set: { shape: circle } }
      """
    And given the workflow input is:
      """yaml
      size: 3
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      shape: circle
      """

  Scenario: One expression gives the whole output
    Given a workflow with definition:
      """yaml
      do:
        - put: { set: '${ .items | length }' }
      """
    And given the workflow input is:
      """yaml
      items: [a, b, c]
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      3
      """

  Scenario: Expressions stand at any depth, in objects and arrays
    Given a workflow with definition:
      """yaml
      do:
        - put:
            set:
              outer:
                inner: [ '${ .a }', { deep: '${ .b }' }, plain ]
      """
    And given the workflow input is:
      """yaml
      a: 1
      b: [2]
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      outer:
        inner: [1, { deep: [2] }, plain]
      """

  Scenario: Every member sees the input, and none the others
    Given a workflow with definition:
      """yaml
      do:
        - put:
            set:
              a: ${ .a + 1 }
              b: ${ .a + 10 }
      """
    And given the workflow input is:
      """yaml
      a: 1
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      a: 2
      b: 11
      """

  Scenario: Values of all types are kept as they are
    Given a workflow with definition:
      """yaml
      do:
        - put: { set: { nothing: null, yes: true, whole: 7, half: 0.5, text: 'on', list: [], object: {} } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """json
      { "nothing": null, "yes": true, "whole": 7, "half": 0.5, "text": "on", "list": [], "object": {} }
      """

  Scenario: Text of the data is never evaluated
    Given a workflow with definition:
      """yaml
      do:
        - put: { set: { copy: '${ .text }' } }
        - again: { set: { copy: '${ .copy }' } }
      """
    And given the workflow input is:
      """yaml
      text: ${ 1 + 1 }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      copy: ${ 1 + 1 }
      """

  Scenario: An expression that fails faults the task
    Given a workflow with definition:
      """yaml
      do:
        - put: { set: { sum: '${ .text + 1 }' } }
      """
    And given the workflow input is:
      """yaml
      text: a
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://open-workflow-specification.org/spec/1.0.0/errors/expression
      status: 400
      instance: /do/0/put
      """

  Scenario Outline: A set of <what> is rejected
    Given a workflow with definition:
      """yaml
      do:
        - put: { set: <what> }
      """
    Then the workflow definition should be rejected with "<code>" at "/do/0/put/set"

    Examples:
      | what | code        |
      | {}   | wrong-value |
      | []   | wrong-type  |
      | 5    | wrong-type  |

  Scenario: A text with an expression inside is not evaluated, and the author is told
    Given a workflow with definition:
      """yaml
      do:
        - put: { set: { text: 'Hello ${ .name }!' } }
      """
    Then the workflow definition should be accepted with "text-not-evaluated" at "/do/0/put/set/text"
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      text: Hello ${ .name }!
      """
