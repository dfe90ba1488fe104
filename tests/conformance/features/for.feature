Feature: For
  A loop runs its list once for each item, each time on the output of the time before.

  Scenario: The item and its index have names of their own
    Given a workflow with definition:
      """yaml
      do:
        - loop:
            for: { each: letter, at: place, in: .letters }
            do:
              - add: { set: { letters: '${ .letters }', seen: '${ (.seen // []) + ["\($place)\($letter)"] }' } }
            output: { as: .seen }
      """
    And given the workflow input is:
      """yaml
      letters: [a, b, c]
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      [0a, 1b, 2c]
      """
    And add should run 3 times

  Scenario: Without names they are item and index
    Given a workflow with definition:
      """yaml
      do:
        - loop:
            for: { in: '[10, 20]' }
            do:
              - add: { set: { sum: '${ (.sum // 0) + $item + $index }' } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      sum: 31
      """

  Scenario: An iteration's input is the output of the one before
    Given a workflow with definition:
      """yaml
      do:
        - loop:
            for: { in: '[1, 2, 3, 4]' }
            do:
              - multiply: { set: { product: '${ .product * $item }' } }
      """
    And given the workflow input is:
      """yaml
      product: 1
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      product: 24
      """

  Scenario: No items leave the input as it is
    Given a workflow with definition:
      """yaml
      do:
        - loop:
            for: { in: '[]' }
            do:
              - never: { set: '${ "never" }' }
      """
    And given the workflow input is:
      """yaml
      kept: 1
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      kept: 1
      """
    And never should not run

  Scenario: The items stand in the document
    Given a workflow with definition:
      """yaml
      do:
        - loop:
            for: { in: [ { n: 1 }, { n: '${ .start }' } ] }
            do:
              - add: { set: { start: '${ .start }', seen: '${ (.seen // []) + [$item.n] }' } }
      """
    And given the workflow input is:
      """yaml
      start: 7
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      start: 7
      seen: [1, 7]
      """

  Scenario: The items are those of the beginning, whatever the iterations do
    Given a workflow with definition:
      """yaml
      do:
        - loop:
            for: { in: .items }
            do:
              - cut: { set: { items: [], seen: '${ (.seen // []) + [$item] }' } }
      """
    And given the workflow input is:
      """yaml
      items: [1, 2, 3]
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      items: []
      seen: [1, 2, 3]
      """

  Scenario: While is tested before each iteration, with the item bound
    Given a workflow with definition:
      """yaml
      do:
        - loop:
            for: { in: '[1, 2, 5, 1]' }
            while: $item < 3 and (.sum // 0) < 100
            do:
              - add: { set: { sum: '${ (.sum // 0) + $item }' } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      sum: 3
      """
    And add should run 2 times

  Scenario: While that is false at once runs nothing
    Given a workflow with definition:
      """yaml
      do:
        - loop:
            for: { in: '[1]' }
            while: 'false'
            do:
              - never: { set: '${ "never" }' }
      """
    And given the workflow input is:
      """yaml
      kept
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      kept
      """
    And never should not run

  Scenario: Loops in loops see the variables of both
    Given a workflow with definition:
      """yaml
      do:
        - rows:
            for: { each: row, in: '["a", "b"]' }
            do:
              - columns:
                  for: { each: column, in: '[1, 2]' }
                  do:
                    - add: { set: { cells: '${ (.cells // []) + ["\($row)\($column)"] }' } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      cells: [a1, a2, b1, b2]
      """

  Scenario: Exit ends one iteration only
    Given a workflow with definition:
      """yaml
      do:
        - loop:
            for: { in: '[1, 2]' }
            do:
              - one: { set: { n: '${ (.n // 0) + 1 }' }, then: exit }
              - two: { set: { n: 1000 } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      n: 2
      """

  Scenario: End in an iteration ends the workflow
    Given a workflow with definition:
      """yaml
      do:
        - loop:
            for: { in: '[1, 2, 3]' }
            do:
              - one: { set: { n: '${ $item }' } }
              - stop:
                  switch:
                    - second: { when: $item == 2, then: end }
        - after: { set: '${ "after" }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      n: 2
      """
    And one should run 2 times

  Scenario: Exports of an iteration are seen by the next and after the loop
    Given a workflow with definition:
      """yaml
      do:
        - loop:
            for: { in: '[1, 2, 3]' }
            do:
              - add: { set: { n: '${ $item }' }, export: { as: '{ total: (($context.total // 0) + $item) }' } }
        - after: { set: '${ $context }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      total: 6
      """

  Scenario: A fault in an iteration faults the loop
    Given a workflow with definition:
      """yaml
      do:
        - loop:
            for: { in: '[1, 2, 3]' }
            do:
              - check:
                  if: $item == 2
                  raise: { error: { type: https://example.com/errors/two, status: 400, title: Two } }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://example.com/errors/two
      status: 400
      title: Two
      instance: /do/0/loop/do/0/check
      """
    And loop should fault

  Scenario Outline: A collection that is <what> is an error
    Given a workflow with definition:
      """yaml
      do:
        - loop:
            for: { in: .items }
            do:
              - never: { set: '${ "never" }' }
      """
    And given the workflow input is:
      """yaml
      items: <what>
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://open-workflow-specification.org/spec/1.0.0/errors/expression
      status: 400
      instance: /do/0/loop
      """

    Examples:
      | what     |
      | null     |
      | { a: 1 } |
      | text     |

  Scenario: The loop's variables are not seen after it
    Given a workflow with definition:
      """yaml
      do:
        - loop:
            for: { each: letter, in: '[1]' }
            do:
              - one: { set: '${ "one" }' }
        - after: { set: '${ $letter }' }
      """
    Then the workflow definition should be rejected with "wrong-expression" at "/do/1/after/set"

  Scenario: An item and an index of one name are rejected
    Given a workflow with definition:
      """yaml
      do:
        - loop:
            for: { each: x, at: x, in: '[1]' }
            do:
              - one: { set: '${ "one" }' }
      """
    Then the workflow definition should be rejected with "ambiguous-name" at "/do/0/loop/for/at"

  Scenario: A variable with the name of an argument is rejected
    Given a workflow with definition:
      """yaml
      do:
        - loop:
            for: { each: context, in: '[1]' }
            do:
              - one: { set: '${ "one" }' }
      """
    Then the workflow definition should be rejected with "ambiguous-name" at "/do/0/loop/for/each"

  Scenario: A loop without a collection is rejected
    Given a workflow with definition:
      """yaml
      do:
        - loop:
            for: { each: x }
            do:
              - one: { set: '${ "one" }' }
      """
    Then the workflow definition should be rejected with "missing-property" at "/do/0/loop/for"
