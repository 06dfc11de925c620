namespace Taishang.Executors;

/// <summary>How much a line of a task's log matters.</summary>
public enum TaskLogLevel
{
    Debug = 1,
    Info = 2,
    Warning = 3,
    Error = 4,
}
