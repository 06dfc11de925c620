using System.Collections;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace Taishang.Core.ServiceCalls;

/// <summary>What the record needs to know of a field, worked out once: descriptors answer each question anew.</summary>
internal sealed class RecordedField(FieldDescriptor field)
{
    private readonly IFieldAccessor _accessor = field.Accessor;
    private readonly bool _hasPresence = field.HasPresence;

    public string Name { get; } = field.Name;

    /// <summary>The name as it is written, with quotes and colon.</summary>
    public string Key { get; } = $"\"{field.Name}\":";

    public bool IsRepeated { get; } = field.IsRepeated;

    /// <summary>Vectors and maps: their size says enough.</summary>
    public bool IsCounted { get; } =
        field.IsMap || (field.IsRepeated && field.FieldType is FieldType.Float or FieldType.Double);

    /// <summary>Null when the field is absent or has its default, as JSON of protobuf leaves it out.</summary>
    public object? ValueIn(IMessage message)
    {
        if (_hasPresence) return _accessor.HasValue(message) ? _accessor.GetValue(message) : null;
        var value = _accessor.GetValue(message);
        return value switch
        {
            ICollection { Count: 0 } or "" or false or 0 or 0L or 0f or 0d => null,
            ByteString { IsEmpty: true } => null,
            Enum name when Convert.ToInt32(name) == 0 => null,
            _ => value,
        };
    }
}
