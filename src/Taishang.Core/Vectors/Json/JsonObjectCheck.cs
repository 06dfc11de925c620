using System.Text.Json;

namespace Taishang.Core.Vectors.Json;

/// <summary>
/// Walks an object that is passed on as it came, and finds what two readers could read differently: a name given
/// twice, a number beyond a double.
/// </summary>
internal static class JsonObjectCheck
{
    /// <summary>Reads from the opening brace to its closing one; returns what is wrong, or null.</summary>
    public static string? Walk(ref Utf8JsonReader reader)
    {
        string? fault = null;
        var depth = reader.CurrentDepth;
        // Names of all open objects, the innermost last; a frame is where an object's names begin.
        List<string>? names = null;
        Stack<int>? frames = null;
        while (reader.Read() && !(reader.TokenType == JsonTokenType.EndObject && reader.CurrentDepth == depth))
        {
            if (fault is not null) continue;
            switch (reader.TokenType)
            {
                case JsonTokenType.StartObject:
                    (frames ??= []).Push(names?.Count ?? 0);
                    break;
                case JsonTokenType.EndObject:
                    var frame = frames!.Pop();
                    names?.RemoveRange(frame, names.Count - frame);
                    break;
                case JsonTokenType.PropertyName:
                    names ??= [];
                    fault = Name(ref reader, names, frames is { Count: > 0 } ? frames.Peek() : 0);
                    break;
                case JsonTokenType.Number when !(reader.TryGetDouble(out var value) && double.IsFinite(value)):
                    fault = "a number is beyond a double";
                    break;
            }
        }

        return fault;
    }

    private static string? Name(ref Utf8JsonReader reader, List<string> names, int frame)
    {
        var name = reader.GetString() ?? "";
        if (names.Count - frame >= VectorLimits.NamesMax) return $"expected at most {VectorLimits.NamesMax} names";
        for (var i = frame; i < names.Count; i++)
        {
            if (names[i] == name) return $"'{(name.Length <= 40 ? name : name[..40] + "…")}' is given twice";
        }

        names.Add(name);
        return null;
    }
}
