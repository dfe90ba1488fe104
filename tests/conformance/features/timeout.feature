Feature: Timeout
  What takes longer than its timeout is interrupted, and the error can be caught.

  Scenario Outline: A <kind> that takes too long is interrupted
    Given a workflow with definition:
      """yaml
      do:
        - slow:
            timeout: { after: { milliseconds: 150 } }
            <task>
        - after: { set: { n: 1 } }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://open-workflow-specification.org/spec/1.0.0/errors/timeout
      status: 408
      instance: /do/0/slow
      """
    And slow should fault
    And slow should take at least 150 ms
    And slow should take at most 10000 ms
    And after should not run

    Examples:
      | kind        | task                                                                                                                            |
      | wait        | wait: { hours: 1 }                                                                                                              |
      | list        | do: [ { pause: { wait: { hours: 1 } } } ]                                                                                       |
      | loop        | for: { in: '[range(1000)]' }\n      do: [ { pause: { wait: { milliseconds: 40 } } } ]                                           |
      | fork        | fork: { branches: [ { pause: { wait: { hours: 1 } } }, { other: { wait: { hours: 2 } } } ] }                                    |
      | race        | fork: { compete: true, branches: [ { pause: { wait: { hours: 1 } } } ] }                                                        |
      | try         | try: [ { pause: { wait: { hours: 1 } } } ]\n      catch: { errors: { with: { status: 1 } } }                                    |
      | retry delay | try: [ { bad: { raise: { error: { type: 'https://example.com/x', status: 500 } } } } ]\n      catch: { retry: { delay: PT1H } } |

  Scenario: A parallel map that takes too long is interrupted
    Given a workflow with definition:
      """yaml
      do:
        - slow:
            timeout: { after: { milliseconds: 150 } }
            metadata: { for: { mode: map } }
            for: { in: '[1, 2]' }
            do:
              - pause: { wait: { hours: 1 } }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://open-workflow-specification.org/spec/1.0.0/errors/timeout
      status: 408
      instance: /do/0/slow
      """
    And pause should be cancelled

  Scenario: A call that takes too long is interrupted
    Given the plugin guests is registered
    And a workflow with definition:
      """yaml
      do:
        - slow:
            timeout: { after: { milliseconds: 300 } }
            call: guests:0.1.0@default
            with: { do: sleep, count: 20000 }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://open-workflow-specification.org/spec/1.0.0/errors/timeout
      status: 408
      instance: /do/0/slow
      """
    And the workflow should take at most 15000 ms

  Scenario: A task that is quick enough is not touched
    Given a workflow with definition:
      """yaml
      do:
        - quick: { timeout: { after: PT10S }, wait: { milliseconds: 50 } }
        - after: { wait: { milliseconds: 50 } }
      """
    When the workflow is executed
    Then the workflow should complete

  Scenario: The workflow that takes too long faults, and what runs is cancelled
    Given a workflow with definition:
      """yaml
      timeout: { after: { milliseconds: 200 } }
      do:
        - outer:
            do:
              - pause: { wait: { hours: 1 } }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://open-workflow-specification.org/spec/1.0.0/errors/timeout
      status: 408
      """
    And pause should be cancelled
    And outer should be cancelled
    And the workflow should take at least 200 ms

  Scenario: No catch stops the timeout of the workflow
    Given a workflow with definition:
      """yaml
      timeout: { after: { milliseconds: 200 } }
      do:
        - guarded:
            try:
              - pause: { wait: { hours: 1 } }
            catch:
              do:
                - handle: { set: { caught: true } }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://open-workflow-specification.org/spec/1.0.0/errors/timeout
      status: 408
      """
    And handle should not run

  Scenario: The inner timeout comes first
    Given a workflow with definition:
      """yaml
      timeout: { after: PT1H }
      do:
        - outer:
            timeout: { after: PT20S }
            do:
              - inner: { timeout: { after: PT0.1S }, wait: { hours: 1 } }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://open-workflow-specification.org/spec/1.0.0/errors/timeout
      status: 408
      instance: /do/0/outer/do/0/inner
      """

  Scenario: The outer timeout interrupts what is inside
    Given a workflow with definition:
      """yaml
      do:
        - outer:
            timeout: { after: PT0.1S }
            do:
              - inner: { timeout: { after: PT20S }, wait: { hours: 1 } }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://open-workflow-specification.org/spec/1.0.0/errors/timeout
      status: 408
      instance: /do/0/outer
      """
    And inner should be cancelled

  Scenario: The timeout of a task is caught around it
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - slow: { timeout: { after: PT0.1S }, wait: { hours: 1 } }
            catch:
              errors: { with: { type: https://open-workflow-specification.org/spec/1.0.0/errors/timeout } }
              do:
                - handle: { set: '${ $error.instance }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      /do/0/guarded/try/0/slow
      """

  Scenario: The timeout of a try is none of its own errors
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            timeout: { after: PT0.1S }
            try:
              - slow: { wait: { hours: 1 } }
            catch:
              do:
                - handle: { set: { caught: true } }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://open-workflow-specification.org/spec/1.0.0/errors/timeout
      status: 408
      instance: /do/0/guarded
      """
    And handle should not run

  Scenario: What a task exported before the timeout is seen by the catch
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - outer:
                  timeout: { after: PT0.2S }
                  do:
                    - remember: { set: { n: 1 }, export: { as: '{ remembered: true }' } }
                    - slow: { wait: { hours: 1 } }
            catch:
              do:
                - handle: { set: '${ $context }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      remembered: true
      """

  Scenario: A timeout holds for each iteration on its own where it stands in the loop
    Given a workflow with definition:
      """yaml
      do:
        - loop:
            for: { in: '[range(4)]' }
            do:
              - pause: { timeout: { after: PT8S }, wait: { milliseconds: 30 } }
      """
    When the workflow is executed
    Then the workflow should complete
    And pause should run 4 times

  Scenario: A timeout is used by its name
    Given a workflow with definition:
      """yaml
      use:
        timeouts:
          short: { after: { milliseconds: 120 } }
      do:
        - slow: { timeout: short, wait: { hours: 1 } }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://open-workflow-specification.org/spec/1.0.0/errors/timeout
      status: 408
      instance: /do/0/slow
      """

  Scenario: The workflow's own timeout is used by its name
    Given a workflow with definition:
      """yaml
      use:
        timeouts:
          short: { after: PT0.12S }
      timeout: short
      do:
        - slow: { wait: { hours: 1 } }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://open-workflow-specification.org/spec/1.0.0/errors/timeout
      status: 408
      """

  Scenario: A timeout may be an expression
    Given a workflow with definition:
      """yaml
      do:
        - slow: { timeout: { after: '${ .limit }' }, wait: { hours: 1 } }
      """
    And given the workflow input is:
      """yaml
      limit: PT0.1S
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://open-workflow-specification.org/spec/1.0.0/errors/timeout
      status: 408
      instance: /do/0/slow
      """

  Scenario: A timeout that is not defined is rejected
    Given a workflow with definition:
      """yaml
      do:
        - slow: { timeout: short, wait: PT1S }
      """
    Then the workflow definition should be rejected with "unknown-reference" at "/do/0/slow/timeout"

  Scenario: A timeout without after is rejected
    Given a workflow with definition:
      """yaml
      do:
        - slow: { timeout: {}, wait: PT1S }
      """
    Then the workflow definition should be rejected with "missing-property" at "/do/0/slow/timeout"

  @slow
  Scenario: Time in which the workflow was suspended does not count
    Given a workflow with definition:
      """yaml
      do:
        - outer:
            timeout: { after: { seconds: 8 } }
            do:
              - pause: { wait: { seconds: 3 } }
              - done: { set: { done: true } }
      """
    When the workflow is executed
    And the workflow is suspended while pause runs
    And 8000 ms pass
    And the workflow is resumed
    Then the workflow should complete with output:
      """yaml
      done: true
      """
