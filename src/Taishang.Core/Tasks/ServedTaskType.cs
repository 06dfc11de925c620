namespace Taishang.Core.Tasks;

/// <summary>A type of tasks, and an ai worker that serves now and runs it.</summary>
public readonly record struct ServedTaskType(string Type, string WorkerId);
