Feature: Expressions
  jq, within limits, on exact numbers, and never on what comes from data.

  Scenario: In strict mode only a text that is wholly an expression is evaluated
    Given a workflow with definition:
      """yaml
      evaluate: { mode: strict }
      do:
        - one: { set: { path: .a, expression: '${ .a }', spaces: ' ${ .a } ' } }
      """
    And given the workflow input is:
      """yaml
      a: 1
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      path: .a
      expression: 1
      spaces: 1
      """

  Scenario: In loose mode a text that is an expression is evaluated without its frame
    Given a workflow with definition:
      """yaml
      evaluate: { mode: loose }
      do:
        - one: { set: { path: .a, expression: '${ .a }' } }
      """
    And given the workflow input is:
      """yaml
      a: 1
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      path: 1
      expression: 1
      """

  Scenario: In loose mode what does not evaluate is the text that it is
    Given a workflow with definition:
      """yaml
      evaluate: { mode: loose }
      do:
        - one: { set: { name: Ada Lovelace, sum: '.a + "x"' } }
      """
    And given the workflow input is:
      """yaml
      a: 1
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      name: Ada Lovelace
      sum: .a + "x"
      """

  Scenario: In strict mode places that hold nothing but an expression need no frame
    Given a workflow with definition:
      """yaml
      do:
        - one: { if: .a == 1, input: { from: .a }, set: '${ . + 1 }', output: { as: '[.]' } }
      """
    And given the workflow input is:
      """yaml
      a: 1
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      [2]
      """

  Scenario Outline: Whole numbers are exact: <expression>
    Given a workflow with definition:
      """yaml
      do:
        - one: { set: '${ <expression> }' }
      """
    And given the workflow input is:
      """json
      { "big": 9007199254740993, "huge": 123456789012345678901234567890 }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """json
      <value>
      """

    Examples:
      | expression       | value                          |
      | .big             | 9007199254740993               |
      | .big + 2         | 9007199254740995               |
      | .huge            | 123456789012345678901234567890 |
      | .huge + 1        | 123456789012345678901234567891 |
      | [.big] \| tojson | "[9007199254740993]"           |
      | .big == .big + 1 | false                          |

  Scenario: A big number of the document is exact
    Given a workflow with definition:
      """yaml
      do:
        - one: { set: { n: 9007199254740993 } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """json
      { "n": 9007199254740993 }
      """

  Scenario Outline: The function <expression> is there
    Given a workflow with definition:
      """yaml
      do:
        - one: { set: '${ <expression> }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """json
      <value>
      """

    Examples:
      | expression                                                    | value                        |
      | [3, 1, 2] \| sort                                             | [1, 2, 3]                    |
      | "a,b" \| split(",")                                           | ["a", "b"]                   |
      | [{ k: 1 }, { k: 1 }, { k: 2 }] \| group_by(.k) \| map(length) | [2, 1]                       |
      | { a: 1 } \| to_entries                                        | [{ "key": "a", "value": 1 }] |
      | reduce (1, 2, 3) as $n (0; . + $n)                            | 6                            |
      | "2026-01-31T00:00:00Z" \| fromdateiso8601                     | 1769817600                   |
      | "abc" \| test("^a")                                           | true                         |
      | def double: . * 2; 21 \| double                               | 42                           |
      | [.[]?, limit(2; range(10))]                                   | [0, 1]                       |

  Scenario: Now does not go back within an execution
    Given a workflow with definition:
      """yaml
      do:
        - one: { set: '${ now }' }
        - pause: { wait: { milliseconds: 50 } }
        - two: { set: '${ now - . }' }
        - check: { set: '${ . > 0.04 }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      true
      """

  Scenario: Now is one moment within a transition
    Given a workflow with definition:
      """yaml
      do:
        - one: { set: '${ [now, now] | .[0] == .[1] }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      true
      """

  Scenario Outline: Nothing is read from the process: <expression> is rejected
    Given a workflow with definition:
      """yaml
      do:
        - one: { set: { n: '${ <expression> }' } }
      """
    Then the workflow definition should be rejected with "wrong-expression" at "/do/0/one/set/n"

    Examples:
      | expression                 |
      | env                        |
      | $ENV                       |
      | input                      |
      | inputs                     |
      | debug                      |
      | halt                       |
      | halt_error                 |
      | $__loc__                   |
      | input_filename             |
      | now \| strflocaltime("%H") |

  Scenario Outline: An expression that does not compile is rejected where it stands: <expression>
    Given a workflow with definition:
      """yaml
      do:
        - one: { set: { deep: [ { n: '${ <expression> }' } ] } }
      """
    Then the workflow definition should be rejected with "wrong-expression" at "/do/0/one/set/deep/0/n"

    Examples:
      | expression |
      | .a +       |
      | nosuch(.)  |
      | $nosuch    |
      | {          |
      | "open      |
      | .a as $x   |

  Scenario: An expression without a source is rejected
    Given a workflow with definition:
      """yaml
      do:
        - one: { set: { n: '${ }' } }
      """
    Then the workflow definition should be rejected with "wrong-expression" at "/do/0/one/set/n"

  Scenario Outline: Every expression ends: <expression>
    Given a workflow with definition:
      """yaml
      do:
        - one: { set: '${ <expression> }' }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://open-workflow-specification.org/spec/1.0.0/errors/expression
      status: 400
      instance: /do/0/one
      """

    Examples:
      | expression                          |
      | last(repeat(1))                     |
      | last(range(1000000000000))          |
      | "x" * 1000000000                    |
      | [] \| .[1000000000] = 1             |
      | reduce range(40) as $i ("x"; . + .) |
      | reduce range(40) as $i (10; . * .)  |

  Scenario Outline: A function that calls itself is rejected: <expression>
    Given a workflow with definition:
      """yaml
      do:
        - one: { set: '${ <expression> }' }
      """
    Then the workflow definition should be rejected with "wrong-expression" at "/do/0/one/set"

    Examples:
      | expression      |
      | def f: f; f     |
      | def f: 1 + f; f |

  Scenario: An expression that gives several values is an error
    Given a workflow with definition:
      """yaml
      do:
        - one: { set: '${ 1, 2 }' }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://open-workflow-specification.org/spec/1.0.0/errors/expression
      status: 400
      instance: /do/0/one
      """

  Scenario: An error of an expression is caught like any other
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - one: { set: '${ error("no") }' }
            catch:
              errors: { with: { type: https://open-workflow-specification.org/spec/1.0.0/errors/expression } }
              do:
                - handle: { set: '${ $error.status }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      400
      """

  Scenario: What an expression gives is never evaluated again
    Given a workflow with definition:
      """yaml
      do:
        - one: { set: { text: '${ "${ 1 + 1 }" }' } }
        - two: { set: '${ .text }' }
        - three: { set: { copy: '${ . }' } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      copy: ${ 1 + 1 }
      """

  Scenario: Another language than jq is refused
    Given a workflow with definition:
      """yaml
      evaluate: { language: javascript }
      do:
        - one: { set: { n: 1 } }
      """
    Then the workflow definition should be rejected with "not-supported" at "/evaluate/language"
