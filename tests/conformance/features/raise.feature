Feature: Raise
  A raised error has what the document gives it, and the pointer of its task.

  Scenario: An error has all members that it is given
    Given a workflow with definition:
      """yaml
      do:
        - bad:
            raise:
              error: { type: https://example.com/errors/bad, status: 418, title: Bad, detail: very bad }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://example.com/errors/bad
      status: 418
      title: Bad
      instance: /do/0/bad
      """
    And the workflow error should have a 'detail' property with value:
      """yaml
      very bad
      """

  Scenario: Members of an error may be expressions
    Given a workflow with definition:
      """yaml
      do:
        - bad:
            raise:
              error:
                type: ${ "https://example.com/errors/" + .kind }
                status: 404
                title: ${ "No " + .what }
                detail: ${ "there is no \(.what) \($workflow.input.number)" }
      """
    And given the workflow input is:
      """yaml
      kind: missing
      what: pet
      number: 7
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://example.com/errors/missing
      status: 404
      title: No pet
      instance: /do/0/bad
      """
    And the workflow error should have a 'detail' property with value:
      """yaml
      there is no pet 7
      """

  Scenario: An error is raised by its name
    Given a workflow with definition:
      """yaml
      use:
        errors:
          outOfStock: { type: https://example.com/errors/out-of-stock, status: 409, title: Out of stock }
      do:
        - bad: { raise: { error: outOfStock } }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://example.com/errors/out-of-stock
      status: 409
      title: Out of stock
      instance: /do/0/bad
      """

  Scenario: A named error sees the input of the task that raises it
    Given a workflow with definition:
      """yaml
      use:
        errors:
          outOfStock: { type: https://example.com/errors/out-of-stock, status: 409, title: '${ "No \(.item)" }' }
      do:
        - bad: { raise: { error: outOfStock } }
      """
    And given the workflow input is:
      """yaml
      item: rope
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://example.com/errors/out-of-stock
      status: 409
      title: No rope
      """

  Scenario: An instance that the document gives stays
    Given a workflow with definition:
      """yaml
      do:
        - bad: { raise: { error: { type: https://example.com/errors/bad, status: 400, instance: /elsewhere } } }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://example.com/errors/bad
      status: 400
      instance: /elsewhere
      """

  Scenario: The instance is the pointer of the task, at any depth
    Given a workflow with definition:
      """yaml
      do:
        - first: { set: { n: 1 } }
        - outer:
            do:
              - loop:
                  for: { in: '[1]' }
                  do:
                    - bad: { raise: { error: { type: https://example.com/errors/bad, status: 400 } } }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://example.com/errors/bad
      status: 400
      instance: /do/1/outer/do/0/loop/do/0/bad
      """

  Scenario: A type that is no text is an expression error
    Given a workflow with definition:
      """yaml
      do:
        - bad: { raise: { error: { type: '${ .type }', status: 400 } } }
      """
    And given the workflow input is:
      """yaml
      type: 5
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://open-workflow-specification.org/spec/1.0.0/errors/expression
      status: 400
      instance: /do/0/bad
      """

  Scenario: A status that is no number is rejected
    Given a workflow with definition:
      """yaml
      do:
        - bad: { raise: { error: { type: https://example.com/errors/bad, status: many } } }
      """
    Then the workflow definition should be rejected with "wrong-type" at "/do/0/bad/raise/error/status"

  Scenario: An error that is not defined is rejected
    Given a workflow with definition:
      """yaml
      do:
        - bad: { raise: { error: outOfStock } }
      """
    Then the workflow definition should be rejected with "unknown-reference" at "/do/0/bad/raise/error"

  Scenario Outline: An error without <member> is rejected
    Given a workflow with definition:
      """yaml
      do:
        - bad: { raise: { error: <error> } }
      """
    Then the workflow definition should be rejected with "missing-property" at "/do/0/bad/raise/error"

    Examples:
      | member | error                                    |
      | type   | { status: 400, title: Bad }              |
      | status | { type: https://example.com/errors/bad } |

  Scenario: A raised error of a standard type is one like any other
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - bad: { raise: { error: { type: https://open-workflow-specification.org/spec/1.0.0/errors/authorization, status: 403 } } }
            catch:
              errors: { with: { type: https://serverlessworkflow.io/spec/1.0.0/errors/authorization } }
              do:
                - handle: { set: '${ $error.status }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      403
      """
