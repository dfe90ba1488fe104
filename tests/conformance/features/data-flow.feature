Feature: Data flow
  Input is checked and then transformed, output transformed and then checked, and the context is what was exported last.

  Scenario: The input of the workflow is transformed before its first task
    Given a workflow with definition:
      """yaml
      input: { from: .order }
      do:
        - look: { set: '${ [., $context, $workflow.input] }' }
      """
    And given the workflow input is:
      """yaml
      order: { id: 1 }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      [{ id: 1 }, { id: 1 }, { order: { id: 1 } }]
      """

  Scenario: From may be an object with expressions
    Given a workflow with definition:
      """yaml
      input: { from: { number: '${ .order.id }', fixed: 7 } }
      do:
        - look: { set: '${ . }' }
      """
    And given the workflow input is:
      """yaml
      order: { id: 1 }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      number: 1
      fixed: 7
      """

  Scenario: The input of the workflow is checked as it comes
    Given a workflow with definition:
      """yaml
      input:
        schema: { document: { type: object, required: [order] } }
        from: .order
      do:
        - look: { set: '${ . }' }
      """
    And given the workflow input is:
      """yaml
      other: 1
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://open-workflow-specification.org/spec/1.0.0/errors/validation
      status: 400
      """
    And look should not run

  Scenario: The output of the workflow is transformed, then checked
    Given a workflow with definition:
      """yaml
      output:
        as: '{ number: .n }'
        schema: { document: { type: object, required: [number] } }
      do:
        - one: { set: { n: 1 } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      number: 1
      """

  Scenario: An output that does not match its schema faults the workflow
    Given a workflow with definition:
      """yaml
      output:
        schema: { document: { type: string } }
      do:
        - one: { set: { n: 1 } }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://open-workflow-specification.org/spec/1.0.0/errors/validation
      status: 400
      """
    And one should complete

  Scenario: The raw input of a task is checked before it is transformed
    Given a workflow with definition:
      """yaml
      do:
        - one:
            input: { schema: { document: { required: [n] } }, from: .n }
            set: '${ . + 1 }'
      """
    And given the workflow input is:
      """yaml
      n: 1
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      2
      """

  Scenario: A task whose input does not match its schema faults and does nothing
    Given a workflow with definition:
      """yaml
      do:
        - outer:
            input: { schema: { document: { required: [n] } } }
            do:
              - inner: { set: { n: 1 } }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://open-workflow-specification.org/spec/1.0.0/errors/validation
      status: 400
      instance: /do/0/outer
      """
    And inner should not run

  Scenario: The transformed output of a task is checked
    Given a workflow with definition:
      """yaml
      do:
        - one:
            set: { n: 1 }
            output: { as: .n, schema: { document: { type: string } } }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://open-workflow-specification.org/spec/1.0.0/errors/validation
      status: 400
      instance: /do/0/one
      """

  Scenario: Output as may be an object with expressions
    Given a workflow with definition:
      """yaml
      do:
        - one:
            set: { n: 1 }
            output: { as: { number: '${ .n }', from: '${ $input.was }' } }
      """
    And given the workflow input is:
      """yaml
      was: here
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      number: 1
      from: here
      """

  Scenario: The first context is the transformed input of the workflow
    Given a workflow with definition:
      """yaml
      input: { from: .inner }
      do:
        - one: { set: { n: 1 } }
        - two: { set: '${ $context }' }
      """
    And given the workflow input is:
      """yaml
      inner: { a: 1 }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      a: 1
      """

  Scenario: An export replaces the context
    Given a workflow with definition:
      """yaml
      do:
        - one: { set: { n: 1 }, export: { as: '{ first: .n }' } }
        - two: { set: { n: 2 }, export: { as: '{ second: .n }' } }
        - look: { set: '${ $context }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      second: 2
      """

  Scenario: An export may add to the context
    Given a workflow with definition:
      """yaml
      do:
        - one: { set: { n: 1 }, export: { as: '$context + { first: .n }' } }
        - two: { set: { n: 2 }, export: { as: '$context + { second: .n }' } }
        - look: { set: '${ $context }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      first: 1
      second: 2
      """

  Scenario: An export is evaluated on the transformed output, and changes no output
    Given a workflow with definition:
      """yaml
      do:
        - one:
            set: { n: 1 }
            output: { as: '{ m: .n }' }
            export: { as: '{ exported: ., output: $output, input: $input, raw: $task.output }' }
        - look: { set: '${ { context: $context, input: . } }' }
      """
    And given the workflow input is:
      """yaml
      was: here
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      input: { m: 1 }
      context: { exported: { m: 1 }, output: { m: 1 }, input: { was: here }, raw: { n: 1 } }
      """

  Scenario: An exported context is checked
    Given a workflow with definition:
      """yaml
      do:
        - one:
            set: { n: 1 }
            export: { as: .n, schema: { document: { type: object } } }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://open-workflow-specification.org/spec/1.0.0/errors/validation
      status: 400
      instance: /do/0/one
      """

  Scenario: An export in a nested list is seen after it
    Given a workflow with definition:
      """yaml
      do:
        - outer:
            do:
              - middle:
                  do:
                    - inner: { set: { n: 1 }, export: { as: '{ deep: true }' } }
        - look: { set: '${ $context }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      deep: true
      """

  Scenario: The output of the workflow may be made of the context
    Given a workflow with definition:
      """yaml
      output: { as: '{ result: ., context: $context }' }
      do:
        - one: { set: { n: 1 }, export: { as: '{ kept: .n }' } }
        - two: { set: { n: 2 } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      result: { n: 2 }
      context: { kept: 1 }
      """

  Scenario: A workflow without an input has an empty object
    Given a workflow with definition:
      """yaml
      do:
        - look: { set: '${ [., $workflow.input] }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      [{}, {}]
      """

  Scenario Outline: Any value may be the input: <value>
    Given a workflow with definition:
      """yaml
      do:
        - look: { set: '${ { seen: . } }' }
      """
    And given the workflow input is:
      """json
      <value>
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """json
      { "seen": <value> }
      """

    Examples:
      | value            |
      | null             |
      | "text"           |
      | [1, [2, {}]]     |
      | 0.1              |
      | 9007199254740993 |

  Scenario: A schema that is none is rejected
    Given a workflow with definition:
      """yaml
      do:
        - one: { input: { schema: { document: { type: 5 } } }, set: { n: 1 } }
      """
    Then the workflow definition should be rejected

  Scenario: A schema that refers to elsewhere is rejected
    Given a workflow with definition:
      """yaml
      do:
        - one: { input: { schema: { document: { $ref: 'https://example.com/schema.json' } } }, set: { n: 1 } }
      """
    Then the workflow definition should be rejected with "not-supported" at "/do/0/one/input/schema/document/$ref"

  Scenario: A schema may refer to its own definitions
    Given a workflow with definition:
      """yaml
      do:
        - one:
            input:
              schema:
                document: { $ref: '#/$defs/pet', $defs: { pet: { required: [name] } } }
            set: '${ .name }'
      """
    And given the workflow input is:
      """yaml
      name: Rex
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      Rex
      """

  Scenario: Nothing of a task's output is left but what output as says
    Given a workflow with definition:
      """yaml
      do:
        - one: { set: { secret: 1, public: 2 }, output: { as: .public } }
        - two: { set: '${ . }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      2
      """
