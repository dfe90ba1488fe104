Feature: Fork policies
  `metadata.fork` says what a failed branch does to the others, and how many run at the same time.

  Scenario: Fail fast is what holds where nothing is said
    Given a workflow with definition:
      """yaml
      do:
        - both:
            metadata: { fork: { strategy: failFast } }
            fork:
              branches:
                - slow: { wait: { seconds: 20 } }
                - bad: { raise: { error: { type: https://example.com/errors/bad, status: 422, title: Bad } } }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://example.com/errors/bad
      status: 422
      title: Bad
      instance: /do/0/both/fork/branches/1/bad
      """
    And slow should be cancelled

  Scenario: Wait for all lets every branch end, then faults
    Given a workflow with definition:
      """yaml
      do:
        - both:
            metadata: { fork: { strategy: waitAll } }
            fork:
              branches:
                - bad: { raise: { error: { type: https://example.com/errors/bad, status: 422, title: Bad } } }
                - slow: { wait: { milliseconds: 300 } }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://example.com/errors/bad
      status: 422
      title: Bad
      instance: /do/0/both/fork/branches/0/bad
      """
    And slow should complete
    And the workflow should take at least 300 ms

  Scenario: Wait for all faults with the first failed branch in declared order
    Given a workflow with definition:
      """yaml
      do:
        - both:
            metadata: { fork: { strategy: waitAll } }
            fork:
              branches:
                - late: { do: [ { pause: { wait: { milliseconds: 300 } } }, { bad: { raise: { error: { type: https://example.com/errors/late, status: 422, title: Late } } } } ] }
                - early: { raise: { error: { type: https://example.com/errors/early, status: 422, title: Early } } }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://example.com/errors/late
      status: 422
      title: Late
      """

  Scenario: Best effort never faults, and failed places hold their error
    Given a workflow with definition:
      """yaml
      do:
        - both:
            metadata: { fork: { strategy: bestEffort } }
            fork:
              branches:
                - bad: { raise: { error: { type: https://example.com/errors/bad, status: 422, title: Bad } } }
                - good: { set: { n: 1 } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      - index: 0
        error: { type: https://example.com/errors/bad, status: 422, title: Bad, instance: /do/0/both/fork/branches/0/bad }
      - { n: 1 }
      """

  Scenario: At least n completes with the n-th success and cancels the rest
    Given a workflow with definition:
      """yaml
      do:
        - both:
            metadata: { fork: { strategy: 'atLeast:2' } }
            fork:
              branches:
                - slow: { wait: { seconds: 20 } }
                - one: { set: { n: 1 } }
                - two: { set: { n: 2 } }
      """
    When the workflow is executed
    Then the workflow should complete
    And the workflow output should have a '1' property with value:
      """yaml
      n: 1
      """
    And the workflow output should have properties '0.index', '0.error'
    And slow should be cancelled

  Scenario: At least n faults once n is out of reach
    Given a workflow with definition:
      """yaml
      do:
        - both:
            metadata: { fork: { strategy: 'atLeast:2' } }
            fork:
              branches:
                - slow: { wait: { seconds: 20 } }
                - one: { raise: { error: { type: https://example.com/errors/one, status: 422, title: One } } }
                - two: { raise: { error: { type: https://example.com/errors/two, status: 422, title: Two } } }
      """
    When the workflow is executed
    Then the workflow should fault
    And slow should be cancelled
    And the workflow should take at most 15000 ms

  Scenario: A fault of a critical branch faults the fork
    Given a workflow with definition:
      """yaml
      do:
        - both:
            metadata: { fork: { critical: [payment] } }
            fork:
              branches:
                - payment: { raise: { error: { type: https://example.com/errors/bad, status: 422, title: Bad } } }
                - letter: { wait: { seconds: 20 } }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://example.com/errors/bad
      status: 422
      title: Bad
      instance: /do/0/both/fork/branches/0/payment
      """
    And letter should be cancelled

  Scenario: Where some branches are critical the others are best effort
    Given a workflow with definition:
      """yaml
      do:
        - both:
            metadata: { fork: { critical: [payment] } }
            fork:
              branches:
                - payment: { do: [ { pause: { wait: { milliseconds: 100 } } }, { paid: { set: { paid: true } } } ] }
                - letter: { raise: { error: { type: https://example.com/errors/bad, status: 422, title: Bad } } }
            output: { as: '[.[0], .[1].index, .[1].error.title]' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      [{ paid: true }, 1, Bad]
      """

  Scenario: No more branches run at the same time than are allowed
    Given a workflow with definition:
      """yaml
      do:
        - all:
            metadata: { fork: { maxConcurrency: 2 } }
            fork:
              branches:
                - one: { do: [ { pause: { wait: { milliseconds: 150 } } } ] }
                - two: { do: [ { pause: { wait: { milliseconds: 150 } } } ] }
                - three: { do: [ { pause: { wait: { milliseconds: 150 } } } ] }
                - four: { do: [ { pause: { wait: { milliseconds: 150 } } } ] }
      """
    When the workflow is executed
    Then the workflow should complete
    And 2 runs of pause should overlap
    And one should run before three
    And the workflow should take at least 300 ms

  Scenario: A branch that had no turn yet never runs after a fault
    Given a workflow with definition:
      """yaml
      do:
        - all:
            metadata: { fork: { maxConcurrency: 1 } }
            fork:
              branches:
                - bad: { raise: { error: { type: https://example.com/errors/bad, status: 422, title: Bad } } }
                - never: { set: { n: 1 } }
      """
    When the workflow is executed
    Then the workflow should fault
    And never should not run

  Scenario Outline: The option <option> is rejected
    Given a workflow with definition:
      """yaml
      do:
        - both:
            metadata: { fork: { <option> } }
            fork:
              branches:
                - one: { set: { n: 1 } }
                - two: { set: { n: 2 } }
      """
    Then the workflow definition should be rejected

    Examples:
      | option              |
      | strategy: sometimes |
      | strategy: atLeast:0 |
      | maxConcurrency: 0   |
      | critical: [three]   |
      | speed: 3            |

  Scenario: Fork options on another task are of no effect, and the author is told
    Given a workflow with definition:
      """yaml
      do:
        - one: { metadata: { fork: { strategy: waitAll } }, set: { n: 1 } }
      """
    Then the workflow definition should be accepted with "no-effect" at "/do/0/one/metadata/fork"
