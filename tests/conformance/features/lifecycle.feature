Feature: Lifecycle events
  Every step in the life of an execution and of its tasks is an event, in order.

  Scenario: A task is created, started and completed
    Given a workflow with definition:
      """yaml
      do:
        - one: { set: { n: 1 } }
        - two: { wait: { milliseconds: 1 } }
      """
    When the workflow is executed
    Then the lifecycle events should be:
      """
      workflow started
      task created one
      task started one
      task completed one
      task created two
      task started two
      task completed two
      workflow completed
      """

  Scenario: Tasks inside of a task lie between its start and its end
    Given a workflow with definition:
      """yaml
      do:
        - outer:
            do:
              - inner: { set: { n: 1 } }
      """
    When the workflow is executed
    Then the lifecycle events should be:
      """
      workflow started
      task created outer
      task started outer
      task created inner
      task started inner
      task completed inner
      task completed outer
      workflow completed
      """

  Scenario: A skipped task is created and never started
    Given a workflow with definition:
      """yaml
      do:
        - one: { if: 'false', set: { n: 1 } }
      """
    When the workflow is executed
    Then the lifecycle events of one should be created, skipped

  Scenario: A faulted task faults what it stands in, from the inside to the outside
    Given a workflow with definition:
      """yaml
      do:
        - outer:
            do:
              - bad: { raise: { error: { type: https://example.com/errors/bad, status: 422 } } }
      """
    When the workflow is executed
    Then the lifecycle events should be:
      """
      workflow started
      task created outer
      task started outer
      task created bad
      task started bad
      task faulted bad
      task faulted outer
      workflow faulted
      """

  Scenario: A caught error faults the task and completes the try
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - bad: { raise: { error: { type: https://example.com/errors/bad, status: 422 } } }
            catch:
              do:
                - handle: { set: { n: 1 } }
      """
    When the workflow is executed
    Then the lifecycle events should be:
      """
      workflow started
      task created guarded
      task started guarded
      task created bad
      task started bad
      task faulted bad
      task created handle
      task started handle
      task completed handle
      task completed guarded
      workflow completed
      """

  Scenario: A retry is an event of the try
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - flaky: { raise: { error: { type: https://example.com/errors/flaky, status: 503 } } }
            catch: { retry: { limit: { attempt: { count: 1 } } } }
      """
    When the workflow is executed
    Then the lifecycle events should be:
      """
      workflow started
      task created guarded
      task started guarded
      task created flaky
      task started flaky
      task faulted flaky
      task retried guarded
      task created flaky
      task started flaky
      task faulted flaky
      task completed guarded
      workflow completed
      """

  Scenario: Every iteration creates its tasks anew
    Given a workflow with definition:
      """yaml
      do:
        - loop:
            for: { in: '[1, 2]' }
            do:
              - one: { set: { n: 1 } }
      """
    When the workflow is executed
    Then the lifecycle events of one should be created, started, completed, created, started, completed
    And the lifecycle events of loop should be created, started, completed

  Scenario: A cancelled workflow cancels what runs
    Given a workflow with definition:
      """yaml
      do:
        - outer:
            do:
              - pause: { wait: { hours: 1 } }
      """
    When the workflow is executed
    And the workflow is cancelled while pause runs
    Then the lifecycle events of the workflow should be started, cancelled
    And the lifecycle events of outer should be created, started, cancelled
    And the lifecycle events of pause should be created, started, cancelled

  @slow
  Scenario: A suspended workflow suspends what runs, and resumes it
    Given a workflow with definition:
      """yaml
      do:
        - outer:
            do:
              - pause: { wait: { milliseconds: 3000 } }
      """
    When the workflow is executed
    And the workflow is suspended while pause runs
    And the workflow is resumed
    Then the lifecycle events of the workflow should be started, suspended, resumed, completed
    And the lifecycle events of outer should be created, started, suspended, resumed, completed
    And the lifecycle events of pause should be created, started, suspended, resumed, completed

  Scenario: The losers of a race are cancelled before the race completes
    Given a workflow with definition:
      """yaml
      do:
        - race:
            fork:
              compete: true
              branches:
                - slow: { wait: { hours: 1 } }
                - fast: { wait: { milliseconds: 20 } }
      """
    When the workflow is executed
    Then the lifecycle events of slow should be created, started, cancelled
    And the lifecycle events of fast should be created, started, completed
    And slow should end before race

  Scenario: A timeout cancels what is inside and faults the task itself
    Given a workflow with definition:
      """yaml
      do:
        - outer:
            timeout: { after: PT0.1S }
            do:
              - pause: { wait: { hours: 1 } }
      """
    When the workflow is executed
    Then the lifecycle events of pause should be created, started, cancelled
    And the lifecycle events of outer should be created, started, faulted
    And the lifecycle events of the workflow should be started, faulted

  Scenario: End cancels the tasks that it ends
    Given a workflow with definition:
      """yaml
      do:
        - both:
            fork:
              branches:
                - slow: { wait: { hours: 1 } }
                - stop: { set: { n: 1 }, then: end }
      """
    When the workflow is executed
    Then the lifecycle events of slow should be created, started, cancelled
    And the lifecycle events of both should be created, started, cancelled
    And the lifecycle events of the workflow should be started, completed

  Scenario: An attempt of the platform is an event of the call
    Given the plugin guests is registered
    And a workflow with definition:
      """yaml
      do:
        - flaky:
            metadata: { task: { retry: { attempts: 2, delay: { milliseconds: 20 } } } }
            call: guests
            with: { do: return-problem, text: '{ "type": "https://example.com/problems/busy", "title": "Busy", "status": 503, "retryable": true }' }
      """
    When the workflow is executed
    Then the lifecycle events of flaky should be created, started, retried, faulted

  Scenario: An input that does not match faults the workflow before any task
    Given a workflow with definition:
      """yaml
      input: { schema: { document: { required: [n] } } }
      do:
        - one: { set: { n: 1 } }
      """
    When the workflow is executed
    Then the lifecycle events should be:
      """
      workflow started
      workflow faulted
      """
