Feature: If
  A task whose condition is false is skipped, and its raw input passes through.

  Scenario: A task whose condition is true runs
    Given a workflow with definition:
      """yaml
      do:
        - one: { if: .go, set: '${ "ran" }' }
      """
    And given the workflow input is:
      """yaml
      go: true
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      ran
      """

  Scenario: A skipped task passes its raw input on, untransformed
    Given a workflow with definition:
      """yaml
      do:
        - one:
            if: .go
            input: { from: '{ other: true }' }
            set: '${ "ran" }'
            output: { as: '{ wrapped: . }' }
            export: { as: '{ exported: true }' }
        - two: { set: { input: '${ . }', context: '${ $context }' } }
      """
    And given the workflow input is:
      """yaml
      go: false
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      input: { go: false }
      context: { go: false }
      """
    And one should be skipped

  Scenario: A skipped task is followed by what its then says
    Given a workflow with definition:
      """yaml
      do:
        - one: { if: 'false', set: '${ "one" }', then: three }
        - two: { set: '${ "two" }' }
        - three: { set: '${ [., "three"] }' }
      """
    And given the workflow input is:
      """yaml
      input
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      [input, three]
      """
    And two should not run

  Scenario Outline: A condition that gives <value> counts as <counts>
    Given a workflow with definition:
      """yaml
      do:
        - one: { if: '${ .value }', set: { value: ran } }
      """
    And given the workflow input is:
      """yaml
      value: <value>
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      value: <output>
      """

    Examples:
      | value | counts | output |
      | null  | false  | null   |
      | false | false  | false  |
      | 0     | true   | ran    |
      | ''    | true   | ran    |
      | []    | true   | ran    |

  Scenario: The condition is tested before the input is checked
    Given a workflow with definition:
      """yaml
      do:
        - one:
            if: 'false'
            input: { schema: { document: { type: string } } }
            set: '${ "ran" }'
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      {}
      """

  Scenario: A condition that fails faults the task
    Given a workflow with definition:
      """yaml
      do:
        - one: { if: .a + 1, set: '${ "ran" }' }
      """
    And given the workflow input is:
      """yaml
      a: text
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://open-workflow-specification.org/spec/1.0.0/errors/expression
      status: 400
      instance: /do/0/one
      """

  Scenario: Whole lists are skipped
    Given a workflow with definition:
      """yaml
      do:
        - outer:
            if: 'false'
            do:
              - inner: { set: '${ "inner" }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      {}
      """
    And inner should not run
