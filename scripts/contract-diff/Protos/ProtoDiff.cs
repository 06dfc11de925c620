namespace Taishang.ContractDiff.Protos;

/// <summary>
/// Names what a peer built from the old files would misread from one built from the new ones. A number keeps its name
/// and type for ever; a number that goes is reserved, so that it never comes back as something else.
/// </summary>
public static class ProtoDiff
{
    public static IReadOnlyList<BreakingChange> Compare(ProtoDefinitions before, ProtoDefinitions after)
    {
        var changes = new List<BreakingChange>();
        foreach (var (name, old) in before.Messages)
        {
            if (after.Messages.TryGetValue(name, out var now)) Fields(changes, name, old, now);
            else changes.Add(new BreakingChange("removed-message", name, "the message is gone"));
        }

        foreach (var (name, old) in before.Enums)
        {
            if (after.Enums.TryGetValue(name, out var now)) Values(changes, name, old, now);
            else changes.Add(new BreakingChange("removed-enum", name, "the enum is gone"));
        }

        foreach (var (name, old) in before.Methods)
        {
            if (!after.Methods.TryGetValue(name, out var now))
                changes.Add(new BreakingChange("removed-rpc", name, "the method is gone"));
            else if (old != now)
                changes.Add(new BreakingChange("changed-rpc", name, $"was {Text(old)}, is {Text(now)}"));
        }

        return changes;
    }

    private static void Fields(List<BreakingChange> changes, string name, ProtoMessage old, ProtoMessage now)
    {
        foreach (var (number, field) in old.Fields)
        {
            var where = $"{name} = {number}";
            if (!now.Fields.TryGetValue(number, out var current))
            {
                if (!now.Reserved.Contains(number))
                    changes.Add(new BreakingChange("unreserved-number", where, $"{field.Name} is gone, not reserved"));
                if (now.Fields.Values.Any(other => other.Name == field.Name))
                    changes.Add(new BreakingChange("renumbered-field", where, $"{field.Name} has another number"));
                continue;
            }

            if (field.Name != current.Name)
                changes.Add(new BreakingChange("renamed-field", where, $"was {field.Name}, is {current.Name}"));
            if (field.Type != current.Type)
                changes.Add(new BreakingChange("changed-field-type", where, $"was {field.Type}, is {current.Type}"));
            if (field.Label != current.Label)
                changes.Add(new BreakingChange("changed-field-label", where,
                    $"was '{field.Label}', is '{current.Label}'"));
        }

        Reserved(changes, name, old.Reserved, now.Reserved);
    }

    private static void Values(List<BreakingChange> changes, string name, ProtoEnum old, ProtoEnum now)
    {
        foreach (var (number, names) in old.Values)
        {
            var where = $"{name} = {number}";
            if (!now.Values.TryGetValue(number, out var current))
            {
                if (!now.Reserved.Contains(number))
                    changes.Add(new BreakingChange("unreserved-number", where, $"{names.Min} is gone, not reserved"));
            }
            else if (!names.IsSubsetOf(current))
            {
                changes.Add(new BreakingChange("renamed-enum-value", where, $"was {names.Min}, is {current.Min}"));
            }
        }

        Reserved(changes, name, old.Reserved, now.Reserved);
    }

    private static void Reserved(List<BreakingChange> changes, string name, ReservedNumbers old, ReservedNumbers now)
    {
        foreach (var (first, last) in old.Ranges)
        {
            if (!now.ContainsAll(first, last))
                changes.Add(new BreakingChange("freed-number", name, $"{first} to {last} is not reserved any more"));
        }

        foreach (var reserved in old.Names.Except(now.Names).Order())
            changes.Add(new BreakingChange("freed-name", name, $"{reserved} is not reserved any more"));
    }

    private static string Text(ProtoMethod method) => $"({method.Request}) returns ({method.Response})";
}
