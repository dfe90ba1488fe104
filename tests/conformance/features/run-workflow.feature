Feature: Run workflow
  A workflow runs another one, of the same tenant, as an execution of its own.

  Scenario: The output of the child is the output of the task
    Given another workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: scenarios, name: child, version: '1.0.0' }
      do:
        - double: { set: '${ .n * 2 }' }
      """
    And a workflow with definition:
      """yaml
      do:
        - child: { run: { workflow: { namespace: scenarios, name: child, version: '1.0.0', input: { n: '${ .x + 1 }' } } } }
        - after: { set: { result: '${ . }' } }
      """
    And given the workflow input is:
      """yaml
      x: 4
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      result: 10
      """
    And the workflow 'scenarios/child' should be executed 1 time
    And the workflow 'scenarios/child' should complete with output:
      """yaml
      10
      """

  Scenario: The task ends when the child has ended
    Given another workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: scenarios, name: child, version: '1.0.0' }
      do:
        - pause: { wait: { milliseconds: 400 } }
      """
    And a workflow with definition:
      """yaml
      do:
        - child: { run: { await: true, workflow: { namespace: scenarios, name: child, version: '1.0.0' } } }
      """
    When the workflow is executed
    Then the workflow should complete
    And child should take at least 400 ms

  Scenario: A child that is not awaited goes on by itself, and the task passes its input on
    Given another workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: scenarios, name: child, version: '1.0.0' }
      do:
        - pause: { wait: { milliseconds: 700 } }
        - done: { set: { done: true } }
      """
    And a workflow with definition:
      """yaml
      do:
        - child: { run: { await: false, workflow: { namespace: scenarios, name: child, version: '1.0.0' } } }
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
    And the workflow 'scenarios/child' should complete with output:
      """yaml
      done: true
      """

  Scenario: A child that is not awaited and faults does no harm
    Given another workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: scenarios, name: child, version: '1.0.0' }
      do:
        - bad: { raise: { error: { type: https://example.com/errors/bad, status: 422, title: Bad } } }
      """
    And a workflow with definition:
      """yaml
      do:
        - child: { run: { await: false, workflow: { namespace: scenarios, name: child, version: '1.0.0' } } }
        - after: { set: { n: 1 } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      n: 1
      """
    And the workflow 'scenarios/child' should fault with error:
      """yaml
      type: https://example.com/errors/bad
      status: 422
      """

  Scenario: A child is run in the version that is named
    Given another workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: scenarios, name: child, version: '1.0.0' }
      do:
        - version: { set: { version: one } }
      """
    And another workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: scenarios, name: child, version: '2.0.0' }
      do:
        - version: { set: { version: two } }
      """
    And a workflow with definition:
      """yaml
      do:
        - child: { run: { workflow: { namespace: scenarios, name: child, version: '1.0.0' } } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      version: one
      """

  Scenario: Latest means the newest version
    Given another workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: scenarios, name: child, version: '1.10.0' }
      do:
        - version: { set: { version: newest } }
      """
    And another workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: scenarios, name: child, version: '1.9.0' }
      do:
        - version: { set: { version: older } }
      """
    And a workflow with definition:
      """yaml
      do:
        - child: { run: { workflow: { namespace: scenarios, name: child, version: latest } } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      version: newest
      """

  Scenario: A workflow runs itself
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: scenarios, name: factorial, version: '1.0.0' }
      do:
        - smaller:
            if: .n > 1
            run: { workflow: { namespace: scenarios, name: factorial, version: '1.0.0', input: { n: '${ .n - 1 }' } } }
            output: { as: '{ n: (. * $input.n) }' }
        - result: { set: '${ .n }' }
      """
    And given the workflow input is:
      """yaml
      n: 5
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      120
      """
    And the workflow 'scenarios/factorial' should be executed 5 times

  Scenario: A workflow that runs itself without an end is stopped
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: scenarios, name: endless, version: '1.0.0' }
      do:
        - again: { run: { workflow: { namespace: scenarios, name: endless, version: '1.0.0' } } }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      instance: /do/0/again
      """

  Scenario: A fault of the child faults the task, with its own pointer
    Given another workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: scenarios, name: child, version: '1.0.0' }
      do:
        - fine: { set: { n: 1 } }
        - bad: { raise: { error: { type: https://example.com/errors/bad, status: 422, title: Bad } } }
      """
    And a workflow with definition:
      """yaml
      do:
        - child: { run: { workflow: { namespace: scenarios, name: child, version: '1.0.0' } } }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://example.com/errors/bad
      status: 422
      title: Bad
      instance: /do/0/child
      """
    And child should fault

  Scenario: A fault of the child is caught around the task
    Given another workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: scenarios, name: child, version: '1.0.0' }
      do:
        - bad: { raise: { error: { type: https://example.com/errors/bad, status: 422, title: Bad } } }
      """
    And a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - child: { run: { workflow: { namespace: scenarios, name: child, version: '1.0.0' } } }
            catch:
              errors: { with: { status: 422 } }
              retry: { limit: { attempt: { count: 1 } } }
              do:
                - handle: { set: '${ $error.title }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      Bad
      """
    And the workflow 'scenarios/child' should be executed 2 times

  Scenario: An input that the child does not accept faults the task
    Given another workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: scenarios, name: child, version: '1.0.0' }
      input: { schema: { document: { required: [n] } } }
      do:
        - double: { set: '${ .n * 2 }' }
      """
    And a workflow with definition:
      """yaml
      do:
        - child: { run: { workflow: { namespace: scenarios, name: child, version: '1.0.0', input: { m: 1 } } } }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://open-workflow-specification.org/spec/1.0.0/errors/validation
      status: 400
      instance: /do/0/child
      """

  Scenario: A cancelled workflow cancels the child that it awaits
    Given another workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: scenarios, name: child, version: '1.0.0' }
      do:
        - pause: { wait: { hours: 1 } }
      """
    And a workflow with definition:
      """yaml
      do:
        - child: { run: { workflow: { namespace: scenarios, name: child, version: '1.0.0' } } }
      """
    When the workflow is executed
    And the workflow is cancelled while child runs
    Then the workflow should be cancelled
    And child should be cancelled
    And the workflow 'scenarios/child' should be cancelled

  Scenario: A timeout of the task cancels the child
    Given another workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: scenarios, name: child, version: '1.0.0' }
      do:
        - pause: { wait: { hours: 1 } }
      """
    And a workflow with definition:
      """yaml
      do:
        - child: { timeout: { after: PT0.3S }, run: { workflow: { namespace: scenarios, name: child, version: '1.0.0' } } }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://open-workflow-specification.org/spec/1.0.0/errors/timeout
      status: 408
      instance: /do/0/child
      """
    And the workflow 'scenarios/child' should be cancelled

  Scenario: The loser of a race is a child that is cancelled
    Given another workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: scenarios, name: child, version: '1.0.0' }
      do:
        - pause: { wait: { hours: 1 } }
      """
    And a workflow with definition:
      """yaml
      do:
        - race:
            fork:
              compete: true
              branches:
                - child: { run: { workflow: { namespace: scenarios, name: child, version: '1.0.0' } } }
                - quick: { wait: { milliseconds: 300 } }
      """
    When the workflow is executed
    Then the workflow should complete
    And the workflow 'scenarios/child' should be cancelled

  @slow
  Scenario: A suspended workflow takes the end of its child when it is resumed
    Given another workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: scenarios, name: child, version: '1.0.0' }
      do:
        - pause: { wait: { milliseconds: 3000 } }
        - done: { set: { done: true } }
      """
    And a workflow with definition:
      """yaml
      do:
        - child: { run: { workflow: { namespace: scenarios, name: child, version: '1.0.0' } } }
      """
    When the workflow is executed
    And the workflow is suspended while child runs
    And 4000 ms pass
    And the workflow is resumed
    Then the workflow should complete with output:
      """yaml
      done: true
      """

  Scenario: Children run at the same time
    Given another workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: scenarios, name: child, version: '1.0.0' }
      do:
        - pause: { wait: { milliseconds: 100 } }
        - square: { set: '${ .n * .n }' }
      """
    And a workflow with definition:
      """yaml
      do:
        - map:
            metadata: { for: { mode: map } }
            for: { in: '[1, 2, 3]' }
            do:
              - child: { run: { workflow: { namespace: scenarios, name: child, version: '1.0.0', input: { n: '${ $item }' } } } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      [1, 4, 9]
      """
    And the workflow 'scenarios/child' should be executed 3 times

  Scenario: A reference without a version is rejected
    Given a workflow with definition:
      """yaml
      do:
        - child: { run: { workflow: { namespace: scenarios, name: child } } }
      """
    Then the workflow definition should be rejected with "missing-property" at "/do/0/child/run/workflow"
