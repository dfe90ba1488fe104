Feature: Parallel map
  A for task with `metadata.for` runs its items at the same time, each on the same input.

  Scenario: The outputs stand in the order of the items
    Given a workflow with definition:
      """yaml
      do:
        - map:
            metadata: { for: { mode: map } }
            for: { in: '[300, 150, 1]' }
            do:
              - pause: { wait: '${ { milliseconds: $item } }' }
              - result: { set: '${ $item + $index }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      [300, 151, 3]
      """

  Scenario: Unordered outputs come as they complete, with their index
    Given a workflow with definition:
      """yaml
      do:
        - map:
            metadata: { for: { mode: map, ordered: false } }
            for: { in: '[900, 450, 1]' }
            do:
              - pause: { wait: '${ { milliseconds: $item } }' }
              - result: { set: '${ $item }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      - { index: 2, output: 1 }
      - { index: 1, output: 450 }
      - { index: 0, output: 900 }
      """

  Scenario: Every item has the map's input, and not the output of another
    Given a workflow with definition:
      """yaml
      do:
        - map:
            input: { from: '{ base: .n }' }
            metadata: { for: { mode: map } }
            for: { each: x, at: i, in: '[1, 2, 3]' }
            do:
              - add: { set: '${ .base + $x * 10 + $i }' }
      """
    And given the workflow input is:
      """yaml
      n: 100
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      [110, 121, 132]
      """

  Scenario: No items give an empty array
    Given a workflow with definition:
      """yaml
      do:
        - map:
            metadata: { for: { mode: map } }
            for: { in: '[]' }
            do:
              - never: { set: { a: 1 } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      []
      """
    And never should not run

  Scenario: Ten items run at the same time where nothing is said
    Given a workflow with definition:
      """yaml
      do:
        - map:
            metadata: { for: { mode: map } }
            for: { in: '[range(14)]' }
            do:
              - pause: { wait: { milliseconds: 200 } }
            output: { as: length }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      14
      """
    And 10 runs of pause should overlap

  Scenario: No more items run at the same time than the concurrency says
    Given a workflow with definition:
      """yaml
      do:
        - map:
            metadata: { for: { mode: map, concurrency: 3 } }
            for: { in: '[range(8)]' }
            do:
              - pause: { wait: { milliseconds: 80 } }
            output: { as: length }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      8
      """
    And 3 runs of pause should overlap
    And the workflow should take at least 240 ms

  Scenario: With a concurrency of one the items follow each other
    Given a workflow with definition:
      """yaml
      do:
        - map:
            metadata: { for: { mode: map, concurrency: 1 } }
            for: { in: '[range(3)]' }
            do:
              - pause: { wait: { milliseconds: 50 } }
            output: { as: length }
      """
    When the workflow is executed
    Then the workflow should complete
    And 1 runs of pause should overlap

  @slow
  Scenario: A window slides: the next item begins as soon as one ends
    Given a workflow with definition:
      """yaml
      do:
        - map:
            metadata: { for: { mode: map, concurrency: 2 } }
            for: { in: '[1500, 1, 1, 1]' }
            do:
              - pause: { wait: '${ { milliseconds: $item } }' }
              - note: { set: '${ $index }' }
            output: { as: '. == [0, 1, 2, 3]' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      true
      """
    And the workflow should take at most 12000 ms

  Scenario: A batch holds several items, the last may be short
    Given a workflow with definition:
      """yaml
      do:
        - map:
            metadata: { for: { mode: map, batch: 2 } }
            for: { in: '["a", "b", "c", "d", "e"]' }
            do:
              - join: { set: '${ "\($index)\($item | add)" }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      [0ab, 1cd, 2e]
      """
    And join should run 3 times

  Scenario: Fail fast faults with the first error, whose data names the index
    Given a workflow with definition:
      """yaml
      do:
        - map:
            metadata: { for: { mode: map, strategy: failFast } }
            for: { in: '[10000, 1, 10000]' }
            do:
              - pause: { wait: '${ { milliseconds: $item } }' }
              - check: { raise: { error: { type: https://example.com/errors/bad, status: 422, title: Bad } } }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://example.com/errors/bad
      status: 422
      title: Bad
      instance: /do/0/map/do/1/check
      """
    And the workflow error should have a 'data.index' property with value:
      """yaml
      1
      """
    And pause should be cancelled
    And the workflow should take at most 9000 ms

  Scenario: Fail fast is what holds where nothing is said, and it starts nothing new
    Given a workflow with definition:
      """yaml
      do:
        - map:
            metadata: { for: { mode: map, concurrency: 1 } }
            for: { in: '[1, 2, 3]' }
            do:
              - check: { raise: { error: { type: https://example.com/errors/bad, status: 422, title: Bad } } }
      """
    When the workflow is executed
    Then the workflow should fault
    And check should run 1 time

  Scenario: Wait for all faults at the end with the lowest index and all failures
    Given a workflow with definition:
      """yaml
      do:
        - map:
            metadata: { for: { mode: map, strategy: waitAll } }
            for: { in: '[0, 400, 1, 0]' }
            do:
              - pause: { wait: '${ { milliseconds: $item } }' }
              - check:
                  if: $item > 0
                  raise: { error: { type: https://example.com/errors/bad, status: 422, title: '${ "Bad \($index)" }' } }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://example.com/errors/bad
      status: 422
      title: Bad 1
      instance: /do/0/map/do/1/check
      """
    And the workflow error should have a 'data.index' property with value:
      """yaml
      1
      """
    And the workflow error should have a 'data.failures.1.index' property with value:
      """yaml
      2
      """
    And pause should run 4 times
    And the workflow should take at least 400 ms

  Scenario: Wait for all without a failure gives all outputs
    Given a workflow with definition:
      """yaml
      do:
        - map:
            metadata: { for: { mode: map, strategy: waitAll } }
            for: { in: '[1, 2]' }
            do:
              - double: { set: '${ $item * 2 }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      [2, 4]
      """

  Scenario: Best effort never faults, and failed places hold their error
    Given a workflow with definition:
      """yaml
      do:
        - map:
            metadata: { for: { mode: map, strategy: bestEffort } }
            for: { in: '[1, 2, 3]' }
            do:
              - check:
                  if: $item == 2
                  raise: { error: { type: https://example.com/errors/bad, status: 422, title: Bad } }
              - result: { set: '${ $item }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      - 1
      - index: 1
        error: { type: https://example.com/errors/bad, status: 422, title: Bad, instance: /do/0/map/do/0/check }
      - 3
      """

  Scenario: Best effort completes even if everything fails
    Given a workflow with definition:
      """yaml
      do:
        - map:
            metadata: { for: { mode: map, strategy: bestEffort } }
            for: { in: '[1, 2]' }
            do:
              - check: { raise: { error: { type: https://example.com/errors/bad, status: 422, title: Bad } } }
            output: { as: '[.[].index]' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      [0, 1]
      """

  Scenario: Best effort without order tells the index of failures too
    Given a workflow with definition:
      """yaml
      do:
        - map:
            metadata: { for: { mode: map, strategy: bestEffort, ordered: false } }
            for: { in: '[800, 1]' }
            do:
              - pause: { wait: '${ { milliseconds: $item } }' }
              - check:
                  if: $item == 1
                  raise: { error: { type: https://example.com/errors/bad, status: 422, title: Bad } }
              - result: { set: '${ $item }' }
            output: { as: '[.[] | [.index, .output, .error.title]]' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      [[1, null, Bad], [0, 800, null]]
      """

  Scenario: At least n completes with the n-th success and cancels the rest
    Given a workflow with definition:
      """yaml
      do:
        - map:
            metadata: { for: { mode: map, strategy: 'atLeast:2' } }
            for: { in: '[20000, 1, 1]' }
            do:
              - pause: { wait: '${ { milliseconds: $item } }' }
              - result: { set: '${ $item }' }
      """
    When the workflow is executed
    Then the workflow should complete
    And the workflow output should have a '0.index' property with value:
      """yaml
      0
      """
    And the workflow output should have properties '0.error'
    And the workflow output should have a '1' property with value:
      """yaml
      1
      """
    And the workflow should take at most 15000 ms

  Scenario: At least n survives failures that leave n in reach
    Given a workflow with definition:
      """yaml
      do:
        - map:
            metadata: { for: { mode: map, strategy: 'atLeast:1' } }
            for: { in: '[1, 2]' }
            do:
              - pause: { wait: '${ { milliseconds: ($item * 100) } }' }
              - check:
                  if: $item == 1
                  raise: { error: { type: https://example.com/errors/bad, status: 422, title: Bad } }
              - result: { set: '${ $item }' }
            output: { as: '.[1]' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      2
      """

  Scenario: At least n faults once n is out of reach
    Given a workflow with definition:
      """yaml
      do:
        - map:
            metadata: { for: { mode: map, strategy: 'atLeast:2' } }
            for: { in: '[1, 2, 20000]' }
            do:
              - pause: { wait: '${ { milliseconds: $item } }' }
              - check: { raise: { error: { type: https://example.com/errors/bad, status: 422, title: Bad } } }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://example.com/errors/bad
      status: 422
      title: Bad
      """
    And the workflow should take at most 15000 ms

  Scenario: At least more than there are items faults
    Given a workflow with definition:
      """yaml
      do:
        - map:
            metadata: { for: { mode: map, strategy: 'atLeast:3' } }
            for: { in: '[1, 2]' }
            do:
              - result: { set: '${ $item }' }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://open-workflow-specification.org/spec/1.0.0/errors/validation
      status: 400
      instance: /do/0/map
      """

  Scenario: A map in a map
    Given a workflow with definition:
      """yaml
      do:
        - rows:
            metadata: { for: { mode: map } }
            for: { each: row, in: '[1, 2]' }
            do:
              - columns:
                  metadata: { for: { mode: map } }
                  for: { each: column, in: '[10, 20, 30]' }
                  do:
                    - cell: { set: '${ $row + $column }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      [[11, 21, 31], [12, 22, 32]]
      """

  Scenario: A map in a sequential loop
    Given a workflow with definition:
      """yaml
      do:
        - rows:
            for: { each: row, in: '[1, 2]' }
            do:
              - columns:
                  metadata: { for: { mode: map } }
                  for: { each: column, in: '[10, 20]' }
                  do:
                    - cell: { set: '${ $row + $column }' }
              - keep: { set: '${ { sum: (($input | add) + ($context.sum // 0)) } }', export: { as: . } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      sum: 66
      """

  Scenario: An error of an item is caught around the map, with its index
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - map:
                  metadata: { for: { mode: map } }
                  for: { in: '[1, 2]' }
                  do:
                    - check:
                        if: $item == 2
                        raise: { error: { type: https://example.com/errors/bad, status: 422, title: Bad } }
            catch:
              errors: { with: { status: 422 } }
              do:
                - handle: { set: '${ $error.data.index }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      1
      """

  Scenario: Exit ends one item only
    Given a workflow with definition:
      """yaml
      do:
        - map:
            metadata: { for: { mode: map } }
            for: { in: '[1, 2]' }
            do:
              - one: { set: '${ $item }', then: exit }
              - two: { set: '${ 0 }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      [1, 2]
      """

  Scenario: End in an item cancels the others and ends the workflow
    Given a workflow with definition:
      """yaml
      do:
        - map:
            metadata: { for: { mode: map } }
            for: { in: '[20000, 1]' }
            do:
              - pause: { wait: '${ { milliseconds: $item } }' }
              - stop: { set: '${ "stopped by \($index)" }', then: end }
        - after: { set: '${ "after" }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      stopped by 1
      """
    And the workflow should take at most 15000 ms

  Scenario: A cancelled workflow cancels every item
    Given a workflow with definition:
      """yaml
      do:
        - map:
            metadata: { for: { mode: map } }
            for: { in: '[1, 2, 3]' }
            do:
              - pause: { wait: { hours: 1 } }
      """
    When the workflow is executed
    And the workflow is cancelled while pause runs
    Then the workflow should be cancelled
    And pause should be cancelled
    And map should be cancelled

  Scenario: An export of the map itself is allowed
    Given a workflow with definition:
      """yaml
      do:
        - map:
            metadata: { for: { mode: map } }
            for: { in: '[1, 2]' }
            do:
              - double: { set: '${ $item * 2 }' }
            export: { as: '{ doubled: . }' }
        - after: { set: '${ $context.doubled }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      [2, 4]
      """

  Scenario: An export inside of a map is rejected
    Given a workflow with definition:
      """yaml
      do:
        - map:
            metadata: { for: { mode: map } }
            for: { in: '[1]' }
            do:
              - one: { set: '${ $item }', export: { as: . } }
      """
    Then the workflow definition should be rejected with "not-supported" at "/do/0/map/do/0/one/export"

  Scenario: While on a map is rejected
    Given a workflow with definition:
      """yaml
      do:
        - map:
            metadata: { for: { mode: map } }
            for: { in: '[1]' }
            while: 'true'
            do:
              - one: { set: '${ $item }' }
      """
    Then the workflow definition should be rejected with "not-supported" at "/do/0/map/while"

  Scenario: The author is told that other runtimes run the loop sequentially
    Given a workflow with definition:
      """yaml
      do:
        - map:
            metadata: { for: { mode: map } }
            for: { in: '[1]' }
            do:
              - one: { set: '${ $item }' }
      """
    Then the workflow definition should be accepted with "sequential-elsewhere" at "/do/0/map/metadata/for"

  Scenario Outline: The option <option> is rejected
    Given a workflow with definition:
      """yaml
      do:
        - map:
            metadata: { for: { mode: map, <option> } }
            for: { in: '[1]' }
            do:
              - one: { set: '${ $item }' }
      """
    Then the workflow definition should be rejected with "<code>" at "/do/0/map/metadata/for/<member>"

    Examples:
      | option              | code           | member      |
      | concurrency: 0      | wrong-option   | concurrency |
      | batch: 0            | wrong-option   | batch       |
      | strategy: sometimes | wrong-option   | strategy    |
      | strategy: atLeast:0 | wrong-option   | strategy    |
      | ordered: maybe      | wrong-option   | ordered     |
      | speed: 3            | unknown-option | speed       |
